"""Writes docs/index.html, the front page of the docs: the playground. After a change of its scripts:

python docs/make_front_page.py
"""

from pathlib import Path

from tinygrad_cnn import viz


def main() -> None:
    print(
        viz.playground(title="tinygrad_cnn: a network that learns in your browser").save(
            Path(__file__).with_name("index.html")
        )
    )


if __name__ == "__main__":
    main()
