"""Words that need no fact behind them, and words that a recommendation never needs; folded."""


def listed(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


SMALL = {
    "en": listed(
        """a about above after again all also am an and another any are as at be because been
        before being between both but by can could did do does doing down during each either else
        ever every few for from further had has have having he her here hers him his how i if in
        into is it its itself just least less let like many may me might mine more most much must my
        neither no nor not now of off on once one only or other our ours out over own per perhaps
        quite rather same shall she should since so some still such than that the their theirs them
        then there these they this those though through to together too under until up upon us very
        was we well were what when where which while who whom whose why will with within without
        would yet you your yours"""
    ),
    "de": listed(
        """aber alle allem allen aller alles als also am an andere anderem anderen anderer anderes
        auch auf aus bei beide beiden beim bin bis bist da dabei dafur damit dann daran darauf das
        dass davon dazu dein deine deinem deinen deiner dem den denen denn der deren des dessen
        dich die dies diese diesem diesen dieser dieses dir doch du durch ein eine einem einen
        einer eines er es etwas euch euer fur hat haben habt hier ich ihm ihn ihnen ihr ihre ihrem
        ihren ihrer im in ist ja jede jedem jeden jeder jedes kann konnen konnte man mehr mein
        meine mich mir mit nach nicht noch nun nur ob oder ohne schon sehr sein seine seinem seinen
        seiner seit sich sie sind so sondern soll sowie uber um und uns unser unsere unter vom von
        vor war waren was weil weiter welche welchem welchen welcher wenn wer werden wie wieder
        wir wird wo zu zum zur zwischen"""
    ),
}

COURTESY = {
    "en": listed(
        """available began begin browse choice choices chosen come comes consider discover dear
        delight enjoy enjoyed enjoying explore favorite favourite find fit fits fond found fun give
        good happy hello hi hope idea ideas interest interested interesting know known liked list
        look looking love loved mind moment next note pick picked picks please pleasure read ready
        recommend recommendation recommendations recommended see selected selection short
        something start starting step suggest suggested suggestion suggestions take taste thank
        thanks thing think time title titles today try turn want watch way welcome wish worth
        yourself"""
    ),
    "de": listed(
        """angenehm anfang ansehen auswahl ausgesucht beginnen bereit bekannt dank empfehle
        empfehlen empfehlung empfehlungen empfohlen entdecken entdeckung finden folgen folgende
        freude freuen freundlich gefallen gefallt gern gerne geschmack grusse gruss gut gute guten
        hallo hoffe hoffen hoffentlich idee ideen interessant interesse kennen kennst kennt lassen
        lesen lieb liebe lieber liste mag magst moglich mogen passen passt passend probieren
        schauen schone sehen spass titel viel viele vielleicht vorschlag vorschlage vorschlagen
        wahl wunschen zeit"""
    ),
}

ASKING = listed(
    """click download install subscribe unsubscribe login password passwords passphrase username
    credential credentials account accounts bank banking iban paypal bitcoin btc crypto
    cryptocurrency ethereum wallet wire transfer refund voucher coupon discount prize lottery winner
    jackpot giftcard payment pay invoice ssn cvv pin otp whatsapp telegram hotline phone telephone
    url link links website webpage homepage e-mail email browser malware virus hacked hack hacker
    pwned exploit jailbreak jailbroken prompt prompts instruction instructions system assistant
    chatbot ai llm gpt developer admin administrator root override token tokens api json javascript
    html markdown cure cures cured heal heals miracle guaranteed guarantee
    klicke klicken herunterladen passwort kennwort konto kreditkarte uberweise uberweisen
    uberweisung gutschein rabatt gewinn gewinner gewonnen anruf anrufen rufnummer telefonnummer
    anweisung anweisungen systemprompt webseite internetseite heilt wunder garantiert
    cliquez contrasena"""
)

ASKING_PAIRS = (
    ("credit", "card"),
    ("gift", "card"),
    ("call", "us"),
    ("call", "now"),
    ("send", "money"),
    ("buy", "now"),
    ("act", "now"),
    ("log", "in"),
    ("sign", "in"),
    ("sign", "up"),
    ("ruf", "an"),
    ("jetzt", "kaufen"),
)
