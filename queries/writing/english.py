"""English."""

from queries.writing.phrases import Forms, Phrases


def _same(sentence: str) -> Forms:
    return sentence, sentence


ENGLISH = Phrases(
    name="English",
    quotes=("“", "”"),
    last="and",
    count=("one suggestion", "{number} suggestions"),
    numbers="one two three four five six seven eight nine ten eleven twelve",
    openings={
        "friendly": (
            (
                "You know {known}, so here is {count} from {domain}.",
                "You know {known}, so here are {count} from {domain}.",
            ),
            (
                "With {known} in mind, here is {count} from {domain}.",
                "With {known} in mind, here are {count} from {domain}.",
            ),
            (
                "If you liked {known}, here is {count} from {domain} for you.",
                "If you liked {known}, here are {count} from {domain} for you.",
            ),
        ),
        "factual": (
            _same("For who knows {known}: {count} from {domain}."),
            _same("Starting from {known}, {count} from {domain}."),
        ),
        "formal": (
            _same("With regard to {known}, we have selected {count} from {domain} for you."),
            _same("Since you know {known}, we would like to offer you {count} from {domain}."),
        ),
    },
    first_openings={
        "friendly": (
            (
                "We have yet to learn what you like, so here is {count} from {domain} to begin "
                "with.",
                "We have yet to learn what you like, so here are {count} from {domain} to begin "
                "with.",
            ),
        ),
        "factual": (_same("Nothing is known yet; {count} from {domain}."),),
        "formal": (_same("We would like to begin with {count} from {domain}."),),
    },
    closings={
        "friendly": ("Enjoy!", "We hope you find something you like.", "Have a good time with it!"),
        "factual": ("",),
        "formal": ("We hope that you find something of interest.",),
    },
    reasons={
        "based_on": (
            ("{items} is based on {seed}", "{items} are based on {seed}"),
            ("{items} goes back to {seed}", "{items} go back to {seed}"),
        ),
        "namesake": (
            (
                "{items} is based on the work of the same name from {middle}",
                "{items} are based on the works of the same name from {middle}",
            ),
            (
                "{items} goes back to the work of the same name from {middle}",
                "{items} go back to the works of the same name from {middle}",
            ),
        ),
        "namesake_source": (
            (
                "{items} is the source of the work of the same name from {middle}",
                "{items} are the sources of the works of the same name from {middle}",
            ),
        ),
        "basis_of": (
            (
                "{items} is the work that {seed} is based on",
                "{items} are the works that {seed} is based on",
            ),
            _same("{seed} goes back to {items}"),
        ),
        "bought": (
            ("{items} is bought together with {seed}", "{items} are bought together with {seed}"),
        ),
        "viewed": (
            (
                "{items} is looked at together with {seed}",
                "{items} are looked at together with {seed}",
            ),
        ),
        "joined": (
            (
                "{items} is directly connected with {seed}",
                "{items} are directly connected with {seed}",
            ),
        ),
        "author": (
            _same("{middle} is the author of {items}, as of {seed}"),
            _same("{items}, like {seed}, we owe to {middle}"),
        ),
        "director": (
            _same("{middle} directed {items}, as well as {seed}"),
            _same("behind {items}, as behind {seed}, stands the director {middle}"),
        ),
        "writer": (
            _same("{middle} wrote for {items}, as for {seed}"),
            _same("the script of {items}, like that of {seed}, has {middle} as its writer"),
        ),
        "person": (
            _same("{middle}, whom you know from {seed}, had a hand in {items}"),
            _same("{items} and {seed} meet in {middle}, who took part in both"),
        ),
        "genre": (
            (
                "{items} shares a genre with {seed}: {middle}",
                "{items} share a genre with {seed}: {middle}",
            ),
            (
                "like {seed}, {items} belongs to the genre {middle}",
                "like {seed}, {items} belong to the genre {middle}",
            ),
        ),
        "setting": (
            (
                "{items} shares a setting with {seed}: {middle}",
                "{items} share a setting with {seed}: {middle}",
            ),
            (
                "{items} has the same setting as {seed}, {middle}",
                "{items} have the same setting as {seed}, {middle}",
            ),
        ),
        "country": (
            (
                "{items} comes from the same country as {seed}: {middle}",
                "{items} come from the same country as {seed}: {middle}",
            ),
        ),
        "series": (
            (
                "{items} belongs to the same series as {seed}: {middle}",
                "{items} belong to the same series as {seed}: {middle}",
            ),
        ),
        "brand": (
            (
                "{items} is of the same brand as {seed}: {middle}",
                "{items} are of the same brand as {seed}: {middle}",
            ),
        ),
        "category": (
            (
                "{items} is of the same category as {seed}: {middle}",
                "{items} are of the same category as {seed}: {middle}",
            ),
        ),
        "artist": (_same("the artist of {items}, as of {seed}, is {middle}"),),
        "shared": (
            _same("{middle} connects {items} with {seed}"),
            _same("what {items} and {seed} have in common is {middle}"),
        ),
        "people": (
            _same("others who know {seed} also know {items}"),
            (
                "{items} is known to others who know {seed}",
                "{items} are known to others who know {seed}",
            ),
        ),
        "alike": (_same("the descriptions of {items} and {seed} are alike"),),
        "together": (("{items} goes together with {seed}", "{items} go together with {seed}"),),
        "near": (
            ("{items} is close to {seed}", "{items} are close to {seed}"),
            ("not far from {seed} lies {items}", "not far from {seed} lie {items}"),
        ),
        "popular": (
            ("{items} is popular here", "{items} are popular here"),
            _same("many choose {items}"),
        ),
        "plain": (("{items} is on the list as well", "{items} are on the list as well"),),
    },
    moreover=("Besides, {inside}", "And one thing more: {inside}"),
    page_title={
        "friendly": "Picked for you",
        "factual": "Recommendations",
        "formal": "Recommended for you",
    },
    why="Why",
    made_by_template="Written by a template.",
    made_by_model="Written by a language model and checked against the facts below.",
)
