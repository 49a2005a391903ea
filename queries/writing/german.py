"""German: `friendly` says du, `formal` says Sie."""

from queries.writing.phrases import Forms, Phrases


def _same(sentence: str) -> Forms:
    return sentence, sentence


GERMAN = Phrases(
    name="German",
    quotes=("„", "“"),
    last="und",
    count=("eine Empfehlung", "{number} Empfehlungen"),
    numbers="eine zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    openings={
        "friendly": (
            (
                "Du kennst {known}; dazu passt {count} aus der Rubrik „{domain}“.",
                "Du kennst {known}; dazu passen {count} aus der Rubrik „{domain}“.",
            ),
            (
                "Weil du {known} kennst, ist hier {count} aus der Rubrik „{domain}“.",
                "Weil du {known} kennst, sind hier {count} aus der Rubrik „{domain}“.",
            ),
            _same("Von {known} aus finden wir {count} für dich, aus der Rubrik „{domain}“."),
        ),
        "factual": (
            _same("Ausgehend von {known}: {count} aus der Rubrik „{domain}“."),
            _same("Zu {known}: {count} aus der Rubrik „{domain}“."),
        ),
        "formal": (
            _same("Ausgehend von {known} haben wir {count} aus der Rubrik „{domain}“ für Sie."),
            _same("Da Sie {known} kennen, haben wir {count} aus der Rubrik „{domain}“ für Sie."),
        ),
    },
    first_openings={
        "friendly": (
            (
                "Noch kennen wir deinen Geschmack nicht; hier ist für den Anfang {count} aus der "
                "Rubrik „{domain}“.",
                "Noch kennen wir deinen Geschmack nicht; hier sind für den Anfang {count} aus der "
                "Rubrik „{domain}“.",
            ),
        ),
        "factual": (_same("Noch ist nichts bekannt; {count} aus der Rubrik „{domain}“."),),
        "formal": (_same("Für den Anfang haben wir {count} aus der Rubrik „{domain}“ für Sie."),),
    },
    closings={
        "friendly": ("Viel Freude damit!", "Hoffentlich ist etwas für dich dabei.", "Viel Spaß!"),
        "factual": ("",),
        "formal": ("Wir hoffen, dass etwas für Sie dabei ist.",),
    },
    reasons={
        "based_on": (
            ("{items} beruht auf {seed}", "{items} beruhen auf {seed}"),
            ("{items} geht auf {seed} zurück", "{items} gehen auf {seed} zurück"),
        ),
        "namesake": (
            (
                "{items} beruht auf dem gleichnamigen Werk aus der Rubrik „{middle}“",
                "{items} beruhen auf den gleichnamigen Werken aus der Rubrik „{middle}“",
            ),
            (
                "{items} geht auf das gleichnamige Werk aus der Rubrik „{middle}“ zurück",
                "{items} gehen auf die gleichnamigen Werke aus der Rubrik „{middle}“ zurück",
            ),
        ),
        "namesake_source": (
            (
                "{items} ist die Vorlage des gleichnamigen Werks aus der Rubrik „{middle}“",
                "{items} sind die Vorlagen der gleichnamigen Werke aus der Rubrik „{middle}“",
            ),
        ),
        "basis_of": (
            _same("auf {items} beruht {seed}"),
            _same("{seed} geht auf {items} zurück"),
        ),
        "bought": (
            (
                "{items} wird zusammen mit {seed} gekauft",
                "{items} werden zusammen mit {seed} gekauft",
            ),
        ),
        "viewed": (
            (
                "{items} wird zusammen mit {seed} angesehen",
                "{items} werden zusammen mit {seed} angesehen",
            ),
        ),
        "joined": (
            (
                "{items} ist unmittelbar mit {seed} verbunden",
                "{items} sind unmittelbar mit {seed} verbunden",
            ),
        ),
        "author": (
            (
                "von {middle} stammt neben {seed} auch {items}",
                "von {middle} stammen neben {seed} auch {items}",
            ),
            _same("{items} verdanken wir wie {seed} {middle}"),
        ),
        "director": (
            _same("bei {items} führte wie bei {seed} {middle} Regie"),
            _same("{middle} führte bei {seed} Regie und ebenso bei {items}"),
        ),
        "writer": (
            _same("an {items} schrieb wie an {seed} {middle} mit"),
            _same("{middle} schrieb für {seed} und ebenso für {items}"),
        ),
        "person": (
            _same("an {items} war wie an {seed} {middle} beteiligt"),
            _same("{middle} kennt man von {seed}, und auch {items} trägt diesen Namen"),
        ),
        "genre": (
            (
                "{items} gehört wie {seed} zum Genre „{middle}“",
                "{items} gehören wie {seed} zum Genre „{middle}“",
            ),
            (
                "{items} teilt das Genre „{middle}“ mit {seed}",
                "{items} teilen das Genre „{middle}“ mit {seed}",
            ),
        ),
        "setting": (
            (
                "{items} teilt einen Schauplatz mit {seed}: {middle}",
                "{items} teilen einen Schauplatz mit {seed}: {middle}",
            ),
            (
                "{items} hat denselben Schauplatz wie {seed}: {middle}",
                "{items} haben denselben Schauplatz wie {seed}: {middle}",
            ),
        ),
        "country": (
            (
                "{items} kommt aus demselben Land wie {seed}: {middle}",
                "{items} kommen aus demselben Land wie {seed}: {middle}",
            ),
        ),
        "series": (
            (
                "{items} gehört zur selben Reihe wie {seed}: {middle}",
                "{items} gehören zur selben Reihe wie {seed}: {middle}",
            ),
        ),
        "brand": (
            (
                "{items} ist von derselben Marke wie {seed}: {middle}",
                "{items} sind von derselben Marke wie {seed}: {middle}",
            ),
        ),
        "category": (
            (
                "{items} gehört zur selben Kategorie wie {seed}: {middle}",
                "{items} gehören zur selben Kategorie wie {seed}: {middle}",
            ),
        ),
        "artist": (
            (
                "{items} ist wie {seed} von {middle}",
                "{items} sind wie {seed} von {middle}",
            ),
        ),
        "shared": (
            _same("{middle} verbindet {items} mit {seed}"),
            _same("{items} und {seed} haben {middle} gemeinsam"),
        ),
        "people": (
            _same("andere, die {seed} kennen, kennen auch {items}"),
            _same("zu {items} fanden auch andere, die {seed} kennen"),
        ),
        "alike": (_same("die Beschreibungen von {items} und {seed} gleichen sich"),),
        "together": (("{items} passt zu {seed}", "{items} passen zu {seed}"),),
        "near": (
            ("{items} liegt nah bei {seed}", "{items} liegen nah bei {seed}"),
            ("nicht weit von {seed} liegt {items}", "nicht weit von {seed} liegen {items}"),
        ),
        "popular": (
            ("{items} ist hier beliebt", "{items} sind hier beliebt"),
            _same("viele entscheiden sich für {items}"),
        ),
        "plain": (("dazu kommt {items}", "dazu kommen {items}"),),
    },
    moreover=("Hinzu kommt: {sentence}", "Und noch etwas: {sentence}"),
    page_title={
        "friendly": "Für dich ausgesucht",
        "factual": "Empfehlungen",
        "formal": "Für Sie ausgesucht",
    },
    why="Warum",
    made_by_template="Von einer Vorlage geschrieben.",
    made_by_model="Von einem Sprachmodell geschrieben und an den Fakten unten geprüft.",
)
