"""split-stage for compiled programs: what golden cases cannot show."""

from __future__ import annotations

import pytest

import slimify
from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome

APP = {
    "go.mod": "module example.com/team/shop/v2\n\ngo 1.22\n",
    "main.go": "package main\n\nfunc main() {\n}\n",
    "cmd/admin/main.go": "package main\n\nfunc main() {\n}\n",
    "conf/shop.yaml": "port: 80\n",
}
TEXT = """FROM golang:1.22-bookworm
WORKDIR /app
COPY . .
RUN go build
CMD ["./shop"]
"""


def run(text: str = TEXT, files: dict[str, str] | None = None, **options: object) -> Outcome:
    context = MemoryContext({**APP, **(files or {})})
    return slimify.fix(text, context=context, only=["split-stage"], **options)  # type: ignore[arg-type]


def final(outcome: Outcome) -> str:
    assert outcome.changed, [one.reason for one in outcome.notices]
    return outcome.after.text.partition("\nFROM ")[2]


def reason(outcome: Outcome) -> str:
    assert not outcome.changed
    return "; ".join(one.reason for one in outcome.notices)


@pytest.mark.parametrize(
    ("build", "start", "path"),
    [
        ("go build", "./shop", "/app/shop"),
        ("go build -o bin/x .", "bin/x", "/app/bin/x"),
        ("go build -o=/x", "/x", "/x"),
        ("go build --o /x", "/x", "/x"),
        ("go build ./cmd/admin", "./admin", "/app/admin"),
        ("go build main.go", "./main", "/app/main"),
        ("go build -C cmd/admin -o /a", "/a", "/a"),
        ("mkdir bin && go build -o bin ./...", "bin/admin", "/app/bin/admin"),
        ("go install ./cmd/...", "admin", "/go/bin/admin"),
        ("cd cmd/admin && go build", "cmd/admin/admin", "/app/cmd/admin/admin"),
        ("go build -o /tmp/x && mv /tmp/x /usr/bin/shop", "shop", "/usr/bin/shop"),
        ("go build -o x && cp x /usr/local/bin/", "x", "/usr/local/bin/x"),
        ("go build -o x && cp x /opt/shop && rm x", "/opt/shop", "/opt/shop"),
    ],
)
def test_what_a_build_leaves(build: str, start: str, path: str) -> None:
    text = TEXT.replace("go build", build).replace("./shop", start)
    assert f"COPY --from=build {path} {path}\n" in final(run(text))


def test_a_copy_of_a_program_is_enough() -> None:
    text = TEXT.replace("go build", "go build -o x && cp x /opt/x").replace("./shop", "/opt/x")
    assert final(run(text)).count("--from=build") == 1


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("go build", "go build || true", "on conditions"),
        ("go build", "go build $FLAGS", "depends on a variable"),
        ("go build", "go build && ./shop --warm-up", "neither a plain install"),
        ("go build", "go build > log", "cannot be sorted"),
        ("go build", "go generate ./... && go build", "what `go generate` leaves"),
        ("go build", "GOOS=windows go build", "for another system"),
        ("go build", "LD_PRELOAD=x go build", "LD_PRELOAD"),
        ("go build", "go build example.com/other", "not known to be in the build context"),
        ("go build", "go build && cp -t /usr/bin shop", "with its options"),
        ("go build", "go build && cp * /usr/bin/", "which files `cp`"),
        ("go build", "go build && chmod -R 755 /app", "changes more than what is built"),
        ("go build", "go build && rm conf/shop.yaml", "the build removes /app/conf/shop.yaml"),
        ("go build", "cd $DIR && go build", "a folder that is not known"),
        ("go build", "mkdir -m 700 /data && go build", "a mode of its own"),
        ("WORKDIR /app\n", "", "has no WORKDIR"),
        ("RUN go", "VOLUME /app\nRUN go", "behind a VOLUME"),
        ("RUN go", "USER nobody\nRUN go", "behind a USER"),
        ('CMD ["./shop"]', 'CMD ["bash"]', "only a shell"),
        ('CMD ["./shop"]', 'CMD ["sleep", "infinity"]', "not what is built"),
        ('CMD ["./shop"]', "", "not told what to run"),
        ("1.22-bookworm", "${V:-1.22}", "depends on a variable"),
    ],
)
def test_refused(old: str, new: str, why: str) -> None:
    assert why in reason(run(TEXT.replace(old, new, 1)))


def test_a_variable_that_names_no_release_may_stay() -> None:
    text = TEXT.replace("FROM golang:1.22", "ARG V=1.22\nFROM golang:$V", 1)
    assert "FROM golang:$V-bookworm AS build" in run(text).after.text


def test_only_what_may_be_read_is_copied() -> None:
    assert "COPY conf /app/conf\n" in final(run())
    assert "COPY . ." not in final(run())


def test_many_files_are_copied_as_the_user_does() -> None:
    many = {f"conf{number}/x.yaml": "" for number in range(9)}
    assert "COPY . .\n" in final(run(files=many))


def test_an_empty_folder_stays() -> None:
    context = MemoryContext(APP, folders=["data"])
    assert "COPY data /app/data\n" in final(slimify.fix(TEXT, context=context, only=["split-stage"]))


def test_a_readme_stays_where_files_are_read_that_have_no_known_name() -> None:
    reads = 'package main\n\nimport "os"\n\nfunc main() {\n\tos.ReadFile(os.Args[1])\n}\n'
    assert "README.md" in final(run(files={"README.md": "", "main.go": reads}))
    assert "README.md" not in final(run(files={"README.md": ""}))


def test_a_served_folder_stays_whole() -> None:
    serves = (
        'package main\n\nimport "net/http"\n\nfunc main() {\n\thttp.Handle("/", http.FileServer(http.Dir(".")))\n}\n'
    )
    assert "COPY . .\n" in final(run(files={"main.go": serves, "cmd/admin/main.go": serves}))


def test_files_of_a_start_script_are_found() -> None:
    text = TEXT.replace('CMD ["./shop"]', 'ENTRYPOINT ["./start.sh"]')
    after = final(run(text, files={"start.sh": "#!/bin/sh\nexec ./shop\n"}))
    assert "COPY start.sh /app/start.sh\n" in after
    unknown = run(text, files={"start.sh": "#!/bin/sh\nfrobnicate\nexec ./shop\n"})
    assert "start.sh uses frobnicate, and what brings it is not known" in reason(unknown)


def test_what_it_has_to_save_is_the_users_to_say() -> None:
    context = MemoryContext(APP)
    assert slimify.fix(TEXT, context=context, only=["split-stage"], least_megabytes=700).changed
    outcome = slimify.fix(TEXT, context=context, only=["split-stage"], least_megabytes=800)
    assert "it would save only about 751 MB" in reason(outcome)
    assert not slimify.fix(TEXT, context=context, only=["split-stage"], least_percent=95).changed
