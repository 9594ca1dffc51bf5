"""What every Jupyter server in the container reads: each learner works in a copy of the lessons.

JupyterLab, a Hub's single user, a home that is a new volume or an old one: what is missing there is
laid out, and what the learner has touched stays as it is (sockutils.course).
"""

from pathlib import Path

from sockutils.course.copies import Folder

own = Path.home() / "notebooks"

try:
    Folder(own).lay_out()
except OSError as error:
    raise SystemExit(f"No place for the lessons: {error}. Who owns the volume?") from None

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.ServerApp.root_dir = str(own)
c.LabApp.default_url = "/lab/tree/00_start_here.ipynb"
