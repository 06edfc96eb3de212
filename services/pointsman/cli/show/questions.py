"""What can be asked of the audit database, each question with its name and an example."""

from collections.abc import Sequence

from rich.text import Text

from pointsman.store.ask.asking import Question


def listed(questions: Sequence[Question]) -> Text:
    """Those about one job first: they are the ones with a JOB in their example."""
    text = Text()
    for title, about_a_job in (("about one job (JOB is its whole id)", True), ("about a time", False)):
        text.append(f"{title}\n", "bold underline")
        for question in questions:
            if ("JOB" in question.example) == about_a_job:
                arguments = "" if question.arguments is None else "(...)"
                text.append(f"\n{question.question}\n", "bold")
                text.append(f"  audit.{question.name}{arguments}", "cyan")
                text.append(f"  {question.how}\n" if question.how else "\n")
                text.append(f"  {question.example}\n", "dim")
        text.append("\n")
    text.rstrip()
    return text
