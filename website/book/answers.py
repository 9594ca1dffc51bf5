"""Answers stand at the end of their chapter, each with its question's page and the way back."""

from bs4 import BeautifulSoup, Tag

RIGHT = "[data-outcome=passed]"


def gathered(text: Tag, soup: BeautifulSoup) -> None:
    """Move hints, solutions and what each choice of a question brings behind all sections."""
    answers = soup.new_tag("section", id="answers")
    answers.append(tag(soup, "h2", "Answers of this chapter"))
    for quiz in text.select(".sockutils-quiz"):
        ask(quiz, soup)
    for number, each in enumerate(text.select("details"), 1):
        answers.append(moved(each, number, soup))
    if len(answers.contents) > 1:
        (first, *_) = text.select("section")
        first.append(answers)


def ask(quiz: Tag, soup: BeautifulSoup) -> None:
    """Make of a question's choices, each with its answer, a list and one answer to all."""
    answer = soup.new_tag("details")
    answer.append(tag(soup, "summary", "The answer"))
    choices = soup.new_tag("div", attrs={"class": "choices"})
    for choice in quiz.select("details"):
        (summary,) = choice.select("summary")
        (said,) = choice.select(".sockutils-said")
        summary.name = "p"
        said.insert(0, tag(soup, "p", summary.get_text().partition(")")[0] + ")"))
        choices.append(summary)
        answer.insert(1, said) if said.select_one(RIGHT) else answer.append(said)
        choice.decompose()
    quiz.append(choices)
    quiz.append(answer)


def moved(details: Tag, number: int, soup: BeautifulSoup) -> Tag:
    """Leave a link in the answer's place, and return the answer."""
    (summary,) = details.select("summary")
    name = summary.extract().get_text()
    here = soup.new_tag("p", id=f"asked-{number}", attrs={"class": "to-answer"})
    there = soup.new_tag("div", id=f"answer-{number}", attrs={"class": "answer"})
    here.append(link(soup, there, f"{name}: {number}"))
    details.replace_with(here)
    top = soup.new_tag("p", attrs={"class": "of"})
    top.append(tag(soup, "b", f"{number}. "))
    top.append(link(soup, here, f"{name}: {above(here)}"))
    there.append(top)
    there.extend(list(details.contents))
    return there


def above(place: Tag) -> str:
    heading = place.find_previous(["h1", "h2", "h3", "h4"])
    return heading.get_text() if heading else ""


def link(soup: BeautifulSoup, target: Tag, text: str) -> Tag:
    made = tag(soup, "a", text)
    made["href"], made["class"] = f"#{target['id']}", "page"
    return made


def tag(soup: BeautifulSoup, name: str, text: str) -> Tag:
    made = soup.new_tag(name)
    made.string = text
    return made
