"""What can be asked of the audit database, each question with its name and an example."""

from collections.abc import Sequence

from rich.text import Text

from pointsman.store.ask.asking import Question


def listed(questions: Sequence[Question]) -> Text:
    """Those about one job first: they are the ones with a JOB in their example."""
    text = Text()
    for title, about_a_job in (("about one job (JOB is its whole id)", True), ("about a time", False)):
        text.append(f"{title}\n", "bold underline")
        for each in questions:
            if ("JOB" in each.example) == about_a_job:
                arguments = "" if each.arguments is None else "(...)"
                text.append(f"\n{each.question}\n", "bold")
                text.append(f"  audit.{each.name}{arguments}", "cyan")
                text.append(f"  {each.how}\n" if each.how else "\n")
                text.append(f"  {each.example}\n", "dim")
        text.append("\n")
    text.rstrip()
    return text
