"""Every configuration this project shows to a reader: in deploy/ (files and ConfigMaps) and in the README's yaml blocks."""

import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
SECTIONS = {"receiver", "memory", "sampling", "tail_sampling", "batch", "queue", "upstream", "admin", "control", "shutdown", "log"}


def is_ours(value):
    """Whether parsed YAML looks like a configuration of ours: a mapping of our sections."""
    return isinstance(value, dict) and bool(value) and set(value) <= SECTIONS


def every():
    """[(where, text)] in a stable order."""
    found = []
    for file in sorted((ROOT / "deploy").rglob("*.y*ml")):
        where = str(file.relative_to(ROOT))
        for document in documents(file.read_text()):
            if is_ours(document):
                found.append((where, file.read_text()))
            elif isinstance(document, dict) and document.get("kind") == "ConfigMap":
                for key, text in document.get("data", {}).items():
                    if any(is_ours(d) for d in documents(text)):
                        found.append((f"{where}:{document['metadata']['name']}/{key}", text))
    for file in sorted({ROOT / "README.md", *(ROOT / "deploy").rglob("*.md")}):
        if file.exists():
            for number, text in enumerate(re.findall(r"^```ya?ml\n(.*?)^```", file.read_text(), re.M | re.S), 1):
                if any(is_ours(d) for d in documents(text)):
                    found.append((f"{file.relative_to(ROOT)}:block-{number}", text))
    return found


def shipped():
    """The configuration of the plain manifest's ConfigMap, parsed."""
    maps = [text for where, text in every() if where.startswith("deploy/") and "/tailwater.y" in where.split(":")[-1]]
    assert maps, "no ConfigMap with a tailwater.yaml under deploy/"
    return yaml.safe_load(maps[0])


def documents(text):
    """Parsed YAML documents; none where a template engine still has to run."""
    try:
        return list(yaml.safe_load_all(text))
    except yaml.YAMLError:
        return []
