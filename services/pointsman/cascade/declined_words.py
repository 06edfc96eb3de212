"""The words of a refusal, by language.

A pattern is a sequence of items: `help|assist` is one of these words, `<i-cannot>` one of a class of phrases,
`~3` up to three words of any kind within a sentence, `|` the end of a clause.
"""

Phrase = tuple[str, ...]


def _phrases(*texts: str) -> tuple[Phrase, ...]:
    return tuple(tuple(text.split()) for text in texts)


_MODALS = (
    "cannot", "can't", "can not", "won't", "will not", "couldn't", "could not", "may not",
    "must not", "shall not", "cannot and will not", "can't and won't", "will not be able to",
    "won't be able to",
)  # fmt: skip
_ADVERBS = (
    "", " actually", " really", " currently", " directly", " in good conscience", " ethically",
    " legally", " just",
)  # fmt: skip
_STATES = (
    "unable to", "not able to", "not allowed to", "not permitted to", "not authorized to",
    "not authorised to",
    "not going to", "not willing to", "unwilling to", "not in a position to", "not programmed to",
    "not designed to",
    "not equipped to", "incapable of", "prohibited from", "not here to", "forced to refuse to",
)  # fmt: skip


def _first_person(pronoun: str, be: tuple[str, ...]) -> tuple[Phrase, ...]:
    modal = [
        f"{pronoun}{adverb} {word}"
        for word in (*_MODALS, "don't", "do not")
        for adverb in ("", " simply", " really")
    ]
    modal += [f"{pronoun} {word}{adverb}" for word in _MODALS for adverb in _ADVERBS]
    return _phrases(
        *modal, *(f"{verb}{adverb} {state}" for verb in be for adverb in _ADVERBS for state in _STATES)
    )


_CLASSES: dict[str, tuple[Phrase, ...]] = {
    "<i-cannot>": _first_person("i", ("i am", "i'm")),
    "<we-cannot>": _first_person("we", ("we are", "we're")),
    "<i-am>": _phrases("i am", "i'm"),
    "<that>": _phrases(
        "that", "this", "it", "those", "these", "that for you", "this for you", "that one", "such things",
        "such a thing", "any of that", "that with you", "on that", "to that", "to this", "about that",
        "about this",
        "your request", "this request", "that request", "the request", "your question", "this question",
        "that question", "the question", "such requests", "requests like this", "requests like that",
        "these requests", "your prompt", "this prompt", "this topic", "that topic", "this subject",
    ),
    "<such>": _phrases(
        "that request", "this request", "your request", "such advice", "such information", "such content",
        "such requests", "such instructions", "such assistance", "that information", "this information",
        "that kind of", "this kind of", "that type of", "this type of", "these kinds of",
    ),
    "<sorry>": _phrases("sorry", "very sorry", "so sorry", "really sorry", "truly sorry", "deeply sorry",
    "afraid", "afraid that"),
}  # fmt: skip

#: By class and length: lookup time does not depend on the number of phrases.
CLASSES: dict[str, dict[int, frozenset[Phrase]]] = {
    name: {
        length: frozenset(phrase for phrase in phrases if len(phrase) == length)
        for length in {len(phrase) for phrase in phrases}
    }
    for name, phrases in _CLASSES.items()
}

#: Verbs for what a model refuses to do.
_GIVES = (
    "answer|provide|give|share|offer|create|write|generate|produce|discuss|fulfil|fulfill|fulfilling|"
    "complete|respond|"
    "process|support|facilitate|disclose|reveal|tell|accommodate|satisfy|perform|execute|supply|make|"
    "show|explain|"
    "describe|promote|endorse|engage|participate|recommend|suggest|translate|say|continue|draft|handle|"
    "providing|giving|sharing|creating|writing|generating|discussing|answering|helping|assisting"
)
_ASKED_FOR = (
    "request|requests|instruction|instructions|advice|guidance|assistance|harmful|illegal|unethical|"
    "dangerous|explicit|"
    "offensive|hateful|malicious|inappropriate|sensitive|private|personal|confidential|discriminatory|"
    "violent|sexual|"
    "medical|legal|financial|content|information|answer|response|answers|topic|topics|copyrighted|"
    "derogatory|diagnosis"
)
_HELPED = "|with|you|in|on|by|users|anyone|further|here|there|your|any"

_TEXTS = (
    # English
    "<i-cannot> help|assist|comply|proceed|oblige|continue|participate|engage |",
    f"<i-cannot> help|assist|comply|proceed|engage|participate|continue {_HELPED[1:]}",
    "<i-cannot> do <that> |",
    "<i-cannot> do that|this|so for|as|because",
    f"<i-cannot> {_GIVES} <that> |",
    f"<i-cannot> {_GIVES} you|to <that> |",
    f"<i-cannot> {_GIVES} <that> because|as|since|for|due",
    f"<i-cannot> {_GIVES} ~4 {_ASKED_FOR}",
    "<i-cannot> go|carry|follow ~2 <that>",
    f"<we-cannot> {_GIVES} ~1 <such>",
    "<i-cannot> write|create|generate|produce|draft|compose that|such ~3 |",
    "<i-am> ~1 an ai ~5 cannot|can't|unable ~2 help|assist|answer|provide|do|give|write",
    "<we-cannot> help|assist|comply ~1 with <that> |",
    "<we-cannot> do|answer|discuss that|this |",
    "i ~2 decline|refuse |",
    "i ~2 must|will|have|need|would|'d|shall ~3 decline|refuse|abstain ~1 |",
    f"i ~3 decline|refuse to {_GIVES}|do|comply",
    "i must|have|need ~3 decline|refuse to|this|that|your",
    "i'd|i ~1 rather|prefer not ~1 |",
    f"i'd|i ~1 rather|prefer not ~1 {_GIVES}|do|talk",
    "<i-am> not comfortable ~8 |",
    "that's|it's not something|anything ~1 i|i'm|i'd",
    "that|this|it is not something|anything ~1 i|i'm|i'd",
    "that|this|it isn't something|anything ~1 i|i'm|i'd",
    "that's|that|this|it ~3 against my|our",
    "that|this|it ~2 inappropriate|unethical|irresponsible|illegal|wrong for|of me",
    "my guidelines|programming|policies|instructions|principles ~3 prevent|prohibit|forbid|allow",
    # German
    "dabei|damit|hierbei|dazu|darauf|darüber kann|darf|möchte|werde|will ich ~4 nicht ~1 "
    "helfen|weiterhelfen|unterstützen|dienen|behilflich|antworten|sagen|sprechen|geben|reden|auskunft",
    "ich kann|darf|werde|möchte|will ~6 nicht|keine|keinen|kein ~6 "
    "helfen|weiterhelfen|unterstützen|beantworten|erfüllen|behilflich|nachkommen|bereitstellen|geben|"
    "erstellen|schreiben|"
    "generieren|erteilen|leisten|anbieten|mitwirken|liefern|unterstützung|auskunft |",
    "kann|darf|werde|möchte ich ~5 nicht ~1 helfen|weiterhelfen|unterstützen|beantworten|erfüllen|antworten",
    "das|dies|diese|dieser|diesem|solche|ihre|deine|ihrer|deiner ~3 kann|darf|werde|möchte ich ~4 nicht ~3 "
    "tun|machen|beantworten|erfüllen|unterstützen|schreiben|erstellen|nachkommen|bereitstellen|sagen |",
    "das kann|darf|werde|möchte ich ~3 nicht |",
    "ich kann|darf|werde das|dies ~2 nicht tun|machen |",
    "ich bin ~1 nicht ~2 in der lage ~6 zu helfen|beantworten|unterstützen|erfüllen|geben|erstellen",
    "ich muss ~4 ablehnen",
    "ich lehne ~4 ab |",
    # French
    "je ne peux|puis|pourrai|suis|saurais pas|malheureusement ~3 "
    "aider|assister|répondre|fournir|donner|t'aider|vous|accéder|créer|écrire|faire|satisfaire|traiter|"
    "générer|discuter",
    "je ne peux|puis|pourrai|saurais ~1 vous|t'aider|répondre|fournir|donner|accéder|faire ~4 |",
    "je ne suis pas ~2 mesure|autorisé|autorisée|capable ~3 d'aider|aider|répondre|fournir|de|donner",
    "je refuse|dois ~3 refuser|décliner|de",
    # Spanish
    "no puedo|podré|podría|puedo, ~2 ayudar|ayudarte|ayudarle|ayudarlo|asistir|asistirte|responder|"
    "proporcionar|"
    "proporcionarte|cumplir|hacer|hacerlo|ofrecer|dar|darte|crear|escribir|generar|brindar|brindarte|"
    "continuar|hablar ~6 |",
    "no me|te|le es|puedo posible|ayudar|ayudarte",
    "no estoy ~2 autorizado|capacitado|condiciones|programado|disposición ~3",
    "debo|tengo ~2 negarme|rechazar|declinar",
    # Italian
    "non posso|potrò|sono ~3 aiutarti|aiutarla|aiutare|aiutarvi|assisterti|rispondere|fornire|fornirti|"
    "soddisfare|farlo|"
    "dare|darti|creare|scrivere|generare|fare|assecondare ~6 |",
    "non sono in grado di ~1 aiutarti|aiutarla|aiutare|rispondere|fornire|soddisfare|dare|assistere|generare",
    # Portuguese
    "não posso|consigo|poderei|vou ~2 ajudar|ajudá-lo|ajudá-la|ajudar-te|te|lhe|responder|fornecer|"
    "atender|fazer|oferecer|"
    "dar|criar|escrever|gerar|auxiliar|cumprir|continuar ~6 |",
    "eu não posso|consigo|poderei|vou ~2 ajudar|te|lhe|responder|fornecer|atender|fazer|oferecer|dar|"
    "criar|escrever ~6 |",
    # Dutch
    "daar|daarmee|hierbij|hiermee|dat|hier kan|mag|wil|zal ik ~3 niet ~3 helpen|beantwoorden|doen|"
    "assisteren|mee |",
    "ik kan|mag|wil|zal ~5 niet|geen ~5 helpen|assisteren|beantwoorden|voldoen|verstrekken|geven|bieden |",
    # Polish
    "nie mogę|moge|mogę, ~2 pomóc|ci|odpowiedzieć|udzielić|spełnić|tego|dostarczyć|wykonać|w",
    # Swedish, Danish, Norwegian
    "kan jag|jeg inte|ikke ~3 hjälpa|hjælpe|hjelpe|svara|svare|besvara|besvare",
    "jag|jeg kan|får|må inte|ikke ~3 hjälpa|hjælpe|hjelpe|svara|svare|besvara|besvare",
    "det kan jag|jeg inte|ikke ~3 hjälpa|hjælpe|hjelpe|svara|göra|gøre",
)

PATTERNS = tuple(tuple(text.split()) for text in _TEXTS)

OPENERS = tuple(
    tuple(text.split())
    for text in (
        "<i-am> <sorry> ~1 ,", "<i-am> <sorry>", "we're|we ~1 sorry", "sorry", "my|sincere apologies",
        "apologies",
        "i ~2 apologize|apologise ~4 ,", "i ~2 apologize|apologise", "unfortunately", "regrettably",
        "no ,", "but",
        "however", "and", "as an|a ~5 model|ai|assistant", "as an ~7 ,", "as a ~7 ,", "being an ~5 ,",
        "i understand|appreciate|see|know|get|hear ~14 but",
        "i understand|appreciate|know ~14 however", "thank|thanks ~12 but", "thank|thanks ~8 .",
        "due to ~8 ,",
        "for ~2 reasons ,", "hello|hi|hey ~1 ,", "well", "oh", "i regret to say|inform ~1 that",
        "i regret that", "i fear",
        "es tut|tät mir|uns sehr|wirklich|aufrichtig leid", "es tut mir|uns leid", "tut mir|uns ~1 leid",
        "entschuldigung",
        "entschuldige|entschuldigen ~2 ,", "leider", "aber", "doch", "bedauerlicherweise",
        "ich bedaure|bedauere", "verzeihung", "als ~6 kann",
        "je suis ~2 désolé|désolée|désolés|navré|navrée", "désolé|désolée", "je m'excuse",
        "malheureusement", "mais",
        "je regrette", "en tant ~6 ,", "excusez-moi", "pardon",
        "lo siento ~1 ,", "lo siento", "lo lamento", "lamento", "lamentablemente", "desafortunadamente",
        "disculpa|disculpe|perdón|perdona", "pero",
        "como ~6 ,", "mi dispiace", "sono spiacente", "spiacente", "scusa|scusi|scusami", "purtroppo",
        "ma", "in quanto|come ~6 ,",
        "me desculpe", "desculpe|desculpa", "sinto ~1 muito", "infelizmente", "mas", "het spijt me",
        "helaas", "maar",
        "przykro mi", "przepraszam", "niestety", "ale", "tyvärr", "desværre", "dessverre", "beklager",
        "förlåt", "jag|jeg är|er ledsen", "men", "que",
    )
)  # fmt: skip

#: An answer may follow these words, unless they introduce one of `OFFERS`.
ANSWERS_YET = ("but", "however", "aber", "jedoch", "mais", "pero", "ma", "però", "mas", "maar", "ale", "men")
OFFERS = tuple(
    tuple(text.split())
    for text in (
        ", ~2 i|i'm|i'd|i'll|we|we're|if|feel|please|let|there|you|your|thank|for|don't|here",
        "i|i'm|i'd|i'll|we|we're|if|feel|please|let|there|thank|don't",
        "~1 ich|gerne|wenn|falls|du|sie", "~1 je|si|n'hésitez|n'hésite", "~2 puedo|si|estoy|estaré|con",
        "~1 posso|se|sono", "~1 posso|se|estou", "~1 ik|als",
        "~1 mogę|jeśli", "~1 jag|jeg|om|hvis",
    )
)  # fmt: skip

#: Beginnings of refusals in languages without spaces: Chinese, Japanese, Korean.
BEGINNINGS = (
    "抱歉,我无法", "抱歉,我不能", "抱歉,我不会", "很抱歉,我无法", "很抱歉,我不能", "很抱歉,无法",
    "非常抱歉,我无法", "非常抱歉,我不能", "对不起,我无法", "对不起,我不能",
    "我无法提供", "我无法协助", "我无法帮助", "我不能提供", "我不能帮助", "我不能协助", "我无法回答",
    "我不能回答", "抱歉,无法", "对不起,无法", "作为一个ai,我无法", "作为人工智能,我无法",
    "申し訳ありませんが", "申し訳ございませんが", "すみませんが,", "お手伝いできません",
    "そのご要望にはお応えできません", "ご要望にはお応え", "その質問にはお答えできません",
    "ご質問にはお答えできません",
    "죄송하지만", "죄송합니다만", "죄송합니다, ", "죄송합니다. 그", "죄송합니다. 해당", "죄송합니다. 저는",
)  # fmt: skip
