"""The lessons: twelve pages, each of which runs what it says, and an index that leads through them.

One module a lesson. What is commonly published and wrong lives here, beside what is right, and nowhere else.
"""

from overshoot.study.lessons.lesson import CheckedClaim, ClaimError, Lesson
from overshoot.study.lessons.lesson_pages import LESSONS, write

__all__ = ["LESSONS", "CheckedClaim", "ClaimError", "Lesson", "write"]
