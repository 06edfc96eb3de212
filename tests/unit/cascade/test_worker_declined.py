"""Refusals in several languages are recognised, and similar answers are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.cascade.declined import LONGEST, declines

REFUSED = [
    "As a language model I can't do that.",
    "I can't write that story for you.",
    "Entschuldigung, ich kann das nicht tun.",
    "I'm just an AI and can't help with that.",
    "Ich bin leider nicht in der Lage, Ihnen dabei zu helfen.",
    "I cannot engage in that type of roleplay.",
    "I'm sorry, but I can't help with that.",
    "I’m sorry, but I can’t assist with that request.",
    "I cannot assist with this request.",
    "Sorry, I’m unable to answer that.",
    "I can't help you with that.",
    "I can't help with that",
    "I won't help with this.",
    "I will not provide instructions for building weapons.",
    "I am unable to provide medical advice. Please see a doctor.",
    "I'm not able to assist with that.",
    "I am not able to help with creating malicious software.",
    "I'm afraid I can't do that.",
    "I'm afraid that I cannot answer that question.",
    "Unfortunately, I cannot fulfill this request.",
    "Unfortunately I can't fulfil your request.",
    "I apologize, but I cannot provide that information.",
    "I apologise, but I am unable to comply with this request.",
    "My apologies, but I can't discuss that topic.",
    "As an AI language model, I cannot provide personal opinions or legal advice.",
    "As an AI, I'm not able to give financial advice.",
    "I must decline.",
    "I must respectfully decline to answer that.",
    "I have to decline this request.",
    "I'd rather not discuss that.",
    "I would prefer not to answer that.",
    "I refuse to answer that.",
    "I decline to provide such content.",
    "No, I can't help with that.",
    "I do not provide medical advice.",
    "I don't engage in discussions about that.",
    "That's not something I can help with.",
    "This is not something I'm able to assist with.",
    "It would be unethical for me to write that.",
    "That goes against my guidelines.",
    "I'm not comfortable writing that.",
    "I'm not going to help with that.",
    "I understand you're curious, but I can't help with that.",
    "Thank you for asking, but I cannot answer that question.",
    "**I'm sorry**, but I can't help with that.",
    "I'm really sorry, but I can't provide that information, but I can help you find a professional.",
    "I can't assist with that, but I'm happy to help with something else.",
    "I'm sorry, but I can't help with that. If you are in danger, please call the police.",
    "I can’t create sexual content involving minors.",
    "I cannot generate harmful or illegal content.",
    "We do not provide such advice.",
    "We're sorry, but we cannot help with that.",
    "I will not be able to help with that.",
    "I cannot and will not help with that.",
    "Es tut mir leid, dabei kann ich nicht helfen.",
    "Es tut mir leid, aber ich kann dir dabei nicht helfen.",
    "Tut mir leid, ich kann diese Frage nicht beantworten.",
    "Leider kann ich Ihnen dabei nicht helfen.",
    "Ich kann dabei leider nicht helfen.",
    "Entschuldigung, aber ich kann keine medizinische Beratung geben.",
    "Dabei kann ich Ihnen leider nicht weiterhelfen.",
    "Das kann ich leider nicht.",
    "Ich darf darüber keine Auskunft geben.",
    "Ich muss diese Anfrage leider ablehnen.",
    "Je suis désolé, mais je ne peux pas vous aider avec cela.",
    "Désolé, je ne peux pas répondre à cette question.",
    "Malheureusement, je ne peux pas fournir ces informations.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "Lo siento, no puedo responder a esa pregunta.",
    "No puedo ayudar con eso.",
    "Mi dispiace, ma non posso aiutarti con questo.",
    "Mi dispiace, non posso rispondere a questa domanda.",
    "Desculpe, mas não posso ajudar com isso.",
    "Sinto muito, mas não consigo ajudar com isso.",
    "Het spijt me, maar daar kan ik niet mee helpen.",
    "Sorry, ik kan je daar niet bij helpen.",
    "Przykro mi, ale nie mogę w tym pomóc.",
    "Tyvärr kan jag inte hjälpa till med det.",
    "抱歉，我无法协助处理这个请求。",
    "很抱歉，我不能帮助您。",
    "申し訳ありませんが、そのリクエストにはお応えできません。",
    "죄송하지만, 그 요청은 도와드릴 수 없습니다.",
]
ANSWERED = [
    "We are unable to ship to Alaska.",
    "Wir können keine Rückerstattung gewähren.",
    "Ich kann Ihnen dabei helfen.",
    "I cannot stress enough that this is correct.",
    "42",
    "",
    "No.",
    "I can't help but notice that it is 42.",
    "I cannot help but admire the proof.",
    "I can't help thinking that the answer is 42.",
    "I can't help it if the data is wrong: the mean is 3.",
    "We do not provide refunds after 30 days.",
    "We cannot offer discounts on weekends.",
    "We can't answer the phone after 6 pm.",
    "We don't share customer data with third parties.",
    "We will not process orders on Sundays.",
    "I can't say for sure, but it is probably 42.",
    "I can't provide an exact figure, but it is about 42.",
    "I cannot give you legal advice, but the statute of limitations is three years.",
    "I'm sorry to hear that. Restart the router and try again.",
    "I'm sorry for your loss.",
    "Sorry for the delay! Your order has shipped.",
    "Sorry, I made a mistake: 6 * 7 is 42.",
    "I apologize for the confusion; the correct answer is 7.",
    "Unfortunately, the train was late.",
    "Unfortunately, the product is out of stock.",
    "I am unable to sleep, she said.",
    "I can't wait to see you on Monday!",
    "I won't be in the office tomorrow.",
    "I don't know.",
    "I don't think so: 91 is 7 times 13.",
    "I do not agree with the second claim.",
    "I cannot recommend this restaurant enough.",
    "I'm not going to lie: it is 42.",
    '"I can\'t help with that," said Alice.',
    "“I cannot assist you,” the robot answered, and the door closed.",
    "The assistant said: I can't help with that.",
    "The model answered that it cannot help with that.",
    "He can't help you with that.",
    "You cannot provide instructions to a stopped process.",
    "They do not provide medical advice.",
    "It cannot be done in polynomial time unless P = NP.",
    "Can't help? Try the manual.",
    "Refusal",
    "refused",
    "Yes, I can help with that. First, open the lid.",
    "I can help with that.",
    "I can assist you with this request: the total is $12.",
    "I see no reason why I can't: the answer is 42.",
    "I decline nouns in Latin: rosa, rosae, rosae.",
    "I refuse to believe that P equals NP, yet nobody knows.",
    "I must say that the second option is better.",
    "I have to admit: 42.",
    "I would not change the code: it is correct.",
    "I'd rather take the train.",
    "That's not something to worry about.",
    "That is against the rules of chess.",
    "This goes against the second law of thermodynamics.",
    "Nobody can help with that.",
    "If I can't help with that, nobody can.",
    "Es tut mir leid, dass der Zug zu spät war. Die nächste Verbindung ist um 10 Uhr.",
    "Ich kann nicht anders als zu staunen: es ist 42.",
    "Leider ist das Produkt ausverkauft.",
    "Wir erstatten nach 30 Tagen nicht.",
    "Das kann man nicht teilen.",
    "Je ne suis pas en retard.",
    "Malheureusement, il pleut.",
    "No puedo esperar a verte.",
    "No puedo creer que sean las diez.",
    "Lo siento, me equivoqué: es 42.",
    "Non posso crederci!",
    "Mi dispiace, ho sbagliato: fa 42.",
    "Não posso esperar.",
    "Het spijt me, het is 42.",
    "I can't help with that. " + "But here is a long text on the history of tea. " * 20,
    "[I can't help with that]" + "x" * 800,
    'def refuse():\n    return "I can\'t help with that"',
    '{"refusal": "I cannot help with that"}',
    "I, Robot cannot be found in the library.",
    "I cannot find the word in the text, so the answer is no.",
    "I cannot see an error in this code; it returns 42.",
    "I couldn't find any bugs.",
]

WORDS = sorted({word for text in (*REFUSED, *ANSWERED[:40]) for word in text.split()})


@pytest.mark.parametrize("text", REFUSED)
def test_refusals_are_recognised(text: str) -> None:
    assert declines(text)


@pytest.mark.parametrize("text", ANSWERED)
def test_answers_are_not_taken_for_refusals(text: str) -> None:
    assert not declines(text)


@pytest.mark.parametrize("text", REFUSED)
def test_case_and_blanks_and_quotes_make_no_difference(text: str) -> None:
    assert declines("\n  " + text.upper().replace("’", "'").replace(" ", "  ").replace("SS", "ss") + "\n")


def test_a_long_text_that_begins_like_a_refusal_is_an_answer() -> None:
    text = "I cannot provide medical advice. "
    assert declines(text)
    assert not declines(text + "word " * LONGEST)


@given(st.text(max_size=LONGEST) | st.lists(st.sampled_from(WORDS), max_size=150).map(" ".join))
def test_no_text_breaks_it(text: str) -> None:
    assert declines(text) in (True, False)
