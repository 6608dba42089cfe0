"""What of the folders that a Java build fills the command line asks for: jars, and the folders of a class path."""

from __future__ import annotations

import fnmatch
import posixpath
import re

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.outputs import Outputs
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.start import Called

from slimify.context.java import JavaProject
from slimify.rewrite.edit import Evidence

_BUILD_FILES = ("pom.xml", ".gradle", ".gradle.kts")
_CLASS_PATH = re.compile(r"addClasspath|Class-Path|classpathPrefix")
_PREFIX = re.compile(r"<classpathPrefix>\s*(?:\./)?([\w.-]+)/?\s*</classpathPrefix>")
_OUTPUT = re.compile(r"<outputDirectory>\s*\$\{project\.build\.directory\}/([\w.-]+)/?\s*</outputDirectory>")
# They compile, and leave no jar.
_NO_JAR = frozenset(["compile", "compiler:compile", "prepare-package", "processResources", "resources:resources"])
_INSTALLS = frozenset(["install", "installBootDist", "installDist", "installShadowDist"])


class Wanted:
    """Paths of the image, each in one of the folders that the build fills.

    `projects` are these folders with what is built there, None where it is not known what its artefacts are called;
    `called` are the goals and tasks that were called.
    """

    def __init__(self, files: Files, outputs: Outputs) -> None:
        self.files = files
        self.outputs = outputs
        self.projects: dict[str, JavaProject | None] = {}
        self.called: set[str] = set()
        self.paths: dict[str, None] = {}
        self.evidence: dict[Evidence, None] = {}

    def shipped(self) -> tuple[str, ...]:
        """What is wanted, and not in a folder that is."""
        return tuple(one for one in self.paths if not any(one.startswith(f"{two}/") for two in self.paths))

    def add(self, path: str, workdir: str, call: Called) -> bool:
        """Want a jar or a folder of a class path; whether the build makes it. Raises `Refused` if that is not known."""
        place = posixpath.normpath(posixpath.join(workdir, path))
        tree = self.outputs.tree(place)
        if tree is None:
            made = [one for one in self.outputs.paths if f"{one}/".startswith(f"{place}/")]
            self.paths.update(dict.fromkeys(made))
            if made:
                return True
            known = [image for taken in self.files.taken.values() for _, image in taken.files if image is not None]
            if place != workdir and not any(f"{image}/".startswith(f"{place}/") for image in known):
                raise Refused(f"{call.where} names {path}, which is not known to be there", call.span)
            return False
        if any(sign in posixpath.dirname(place) for sign in "*?["):
            raise Refused(f"which folder {path} is in is not known", call.span)
        if place.endswith((".jar", ".war")):
            self._add_jar(tree, place, call)
        else:
            self._add_folder(tree, place, call)
        return True

    def add_script(self, path: str, call: Called) -> bool:
        """Want the folder of an application that Gradle's distribution plugin installs, for its start script."""
        tree = self.outputs.tree(path)
        if tree is None:
            return False
        if not re.fullmatch(r"install/[^/]+/bin/[^/]+", posixpath.relpath(path, tree)) or not self.called & _INSTALLS:
            raise Refused(f"{call.where} runs {call.typed}, and what it needs beside it is not known", call.span)
        self.paths[posixpath.dirname(posixpath.dirname(path))] = None
        return True

    def _add_jar(self, tree: str, place: str, call: Called) -> None:
        project, name = self.projects.get(tree), posixpath.basename(place)
        if self.called and self.called <= _NO_JAR:
            raise Refused(f"{call.where} runs {name}, and no jar is built", call.span)
        if project is not None and project.artefacts:
            self._check_name(project, name, call)
        if name == "quarkus-run.jar":
            self.paths[posixpath.dirname(place)] = None
            return
        if name.endswith(".war") and (project is None or not project.uses("spring-boot")):
            raise Refused(f"{name} is a war, which a server has to run", call.span)
        runnable = project is not None and project.packaging == "jar" and any(one.runnable for one in project.artefacts)
        self.paths[place] = None
        for folder in () if runnable else self._class_path(name, call):
            self.paths[posixpath.join(posixpath.dirname(place), folder)] = None

    def _check_name(self, project: JavaProject, name: str, call: Called) -> None:
        """Refuse a jar that goes by another name than the project's: with a classifier it has to stand in the file."""
        made = [posixpath.basename(one.path) for one in project.artefacts]
        text, stem = self.files.text(project.path) or "", posixpath.splitext(name)[0]
        stems = [posixpath.splitext(one)[0] for one in made]
        classified = any(stem.startswith(f"{one}-") and stem.removeprefix(f"{one}-") in text for one in stems)
        if not classified and not any(fnmatch.fnmatch(one, name) for one in made):
            raise Refused(f"{call.where} runs {name}, and {project.path} makes {made[0]}", call.span)
        self.evidence[Evidence(f"{project.path} makes {made[0]}")] = None

    def _class_path(self, name: str, call: Called) -> tuple[str, ...]:
        """The folders next to a jar that its manifest names."""
        found: dict[str, None] = {}
        for text in self._build_files():
            if _CLASS_PATH.search(text):
                prefix = _PREFIX.search(text)
                if prefix is None or prefix[1] not in self._copied():
                    raise Refused(f"{name} names a class path, and where that is is not known", call.span)
                found[prefix[1]] = None
        return tuple(found)

    def _add_folder(self, tree: str, place: str, call: Called) -> None:
        relative, build = posixpath.relpath(place, tree), posixpath.basename(tree)
        known = {"."} if build not in ("target", "build") else set()
        if build == "target":
            known |= {"classes", *self._copied()}
        elif any("/src/main/java/" in f"/{entry.path}" for entry in self.files.context.entries()):
            known |= {"classes/java/main"}
        if relative not in known:
            raise Refused(f"{call.where} names {relative} in {tree}, and what makes that is not known", call.span)
        self.paths[place] = None

    def _copied(self) -> set[str]:
        """The folders of `target` that Maven's dependency plug-in copies jars to."""
        found = {"dependency"} if "dependency:copy-dependencies" in self.called else set()
        for text in self._build_files():
            if "copy-dependencies" in text:
                found |= set(_OUTPUT.findall(text)) or {"dependency"}
        return found

    def _build_files(self) -> list[str]:
        entries = self.files.context.entries()
        return [self.files.text(one.path) or "" for one in entries if one.path.endswith(_BUILD_FILES)]
