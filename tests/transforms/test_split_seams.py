"""split-stage for compiled programs, where the build, the set-up of the image and the context meet."""

from __future__ import annotations

import pytest

import slimify
from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome

GO = {
    "go.mod": "module example.com/shop\n\ngo 1.22\n",
    "main.go": "package main\n\nfunc main() {\n}\n",
    "entrypoint.sh": "#!/bin/sh\nexec ./shop\n",
    "templates/a.html": "x",
}
RUST = {
    "Cargo.toml": '[package]\nname = "shop"\nversion = "0.1.0"\n',
    "Cargo.lock": 'version = 3\n[[package]]\nname = "shop"\nversion = "0.1.0"\n',
    "src/main.rs": "fn main() {}\n",
}
POM = """<project><modelVersion>4.0.0</modelVersion><groupId>g</groupId><artifactId>shop</artifactId>
<version>1</version></project>"""
JAVA = {"pom.xml": POM, "src/main/java/Main.java": "class Main {}\n", "src/main/resources/log.xml": "<a/>"}
CSPROJ = """<Project Sdk="Microsoft.NET.Sdk.Web">
<PropertyGroup><TargetFramework>net8.0</TargetFramework></PropertyGroup></Project>"""
DOTNET = {"shop.csproj": CSPROJ, "Program.cs": "class P {}\n"}


def run(base: str, files: dict[str, str], *lines: str, **options: object) -> Outcome:
    text = "\n".join([f"FROM {base}", "WORKDIR /app", *lines, ""])
    return slimify.fix(text, context=MemoryContext(files), only=["split-stage"], **options)  # type: ignore[arg-type]


def go(*lines: str, files: dict[str, str] | None = None, base: str = "golang:1.22-bookworm", **more: object) -> Outcome:
    return run(base, {**GO, **(files or {})}, *lines, **more)


def rust(*lines: str, files: dict[str, str] | None = None, base: str = "rust:1.77-bookworm") -> Outcome:
    return run(base, {**RUST, **(files or {})}, *lines)


def final(outcome: Outcome) -> str:
    assert outcome.changed, [one.reason for one in outcome.notices]
    return outcome.after.text.partition("\nFROM ")[2]


def reason(outcome: Outcome) -> str:
    assert not outcome.changed, outcome.after.text
    return "; ".join(one.reason for one in outcome.notices)


@pytest.mark.parametrize("change", ["RUN chmod +x entrypoint.sh", "RUN chown -R 1000 /app", "RUN chmod -R a+rX ."])
def test_files_are_there_before_they_are_changed(change: str) -> None:
    shipped = final(go("COPY . .", change, "RUN go build -o shop .", 'ENTRYPOINT ["./entrypoint.sh"]'))
    assert "COPY . ." not in shipped
    assert shipped.index("COPY entrypoint.sh") < shipped.index(change) < shipped.index("COPY --from=build")


def test_a_file_below_a_folder_that_is_copied_is_there() -> None:
    files = {"docker/start.sh": "#!/bin/sh\nexec ./shop\n"}
    shipped = final(
        go("COPY . .", "RUN chmod +x docker/start.sh", "RUN go build -o shop .", 'CMD ["docker/start.sh"]', files=files)
    )
    assert shipped.index("COPY docker /app/docker") < shipped.index("RUN chmod")


def test_what_is_changed_comes_along_with_the_sources() -> None:
    shipped = final(
        go("COPY . .", "RUN go build -o shop .", "RUN chmod 644 *.md", 'CMD ["./shop"]', files={"README.md": "x"})
    )
    assert "COPY . ." in shipped
    assert "COPY templates" not in shipped


@pytest.mark.parametrize("path", ["/go", "/app/cache", "/var/www"])
def test_what_only_the_build_has_cannot_be_changed(path: str) -> None:
    outcome = go("COPY . .", "RUN go build -o shop .", f"RUN chmod -R 777 {path}", 'CMD ["./shop"]')
    assert f"{path} is changed" in reason(outcome)


@pytest.mark.parametrize(
    "lines",
    [
        ("RUN useradd -m me && chown -R me /home/me",),
        ("RUN mkdir -p /data/x && chmod 777 /data",),
        ("RUN mkdir -p /data", "RUN chmod 777 /data"),
        ("RUN chown -R 1000 /app/templates",),
        ("WORKDIR /srv/x", "RUN chown 1000 /srv/x", "WORKDIR /app"),
    ],
)
def test_what_the_image_has_can_be_changed(lines: tuple[str, ...]) -> None:
    shipped = final(go("COPY . .", "RUN go build -o shop .", *lines, 'CMD ["./shop"]'))
    assert all(one in shipped for one in lines)


def test_a_folder_that_a_later_workdir_makes_is_not_there_yet() -> None:
    outcome = go("COPY . .", "RUN go build -o shop", "RUN chmod 755 /srv/b", "WORKDIR /srv/b", 'CMD ["/app/shop"]')
    assert "/srv/b is changed" in reason(outcome)


@pytest.mark.parametrize(
    ("build", "why"),
    [
        ("RUN go env -w GOBIN=/usr/local/bin && go install .", "set up for all that follows"),
        ("RUN GOARCH=arm64 go install .", "for another machine"),
        ('RUN go build -o "/my shop" .', "signs in it"),
        ("RUN mv templates/a.html templates/b.html && go build -o shop .", "the build removes"),
    ],
)
def test_what_go_leaves_is_not_known(build: str, why: str) -> None:
    start = "shop" if "install" in build else "/my shop" if "my" in build else "./shop"
    assert why in reason(go("COPY . .", build, f'CMD ["{start}"]'))


def test_flags_in_a_variable() -> None:
    lines = ("COPY . .", "RUN go build .", 'CMD ["./shop"]')
    assert "GOFLAGS says" in reason(go("ENV GOFLAGS=-o=/x", *lines))
    assert go("ENV GOFLAGS='-mod=mod -trimpath'", *lines).changed


def test_gobin() -> None:
    shipped = final(go("ENV GOBIN=/opt/bin", "COPY . .", "RUN go install .", 'CMD ["/opt/bin/shop"]'))
    assert "COPY --from=build /opt/bin/shop /opt/bin/shop\n" in shipped


def test_a_pattern_builds_what_is_for_this_system_in_this_module() -> None:
    main = GO["main.go"]
    files = {
        "cmd/tools/main.go": f"//go:build tools\n\n{main}",
        "cmd/windows/main.go": f"// Comment.\n\n//go:build windows && amd64\n\n{main}",
        "cmd/older/main.go": f"// +build darwin windows\n\n{main}",
        "cmd/linux/main.go": f"//go:build !windows\n\n{main}",
        "sub/go.mod": "module example.com/sub\n",
        "sub/main.go": main,
    }
    shipped = final(go("COPY . .", "RUN go build -o bin/ ./...", 'CMD ["bin/shop"]', files=files))
    assert [line for line in shipped.splitlines() if "--from" in line] == [
        "COPY --from=build /app/bin/linux /app/bin/linux",
        "COPY --from=build /app/bin/shop /app/bin/shop",
    ]


def test_folders_called_vendor_and_testdata_may_be_read() -> None:
    copies = (
        "COPY go.mod main.go ./",
        "COPY static/vendor static/vendor",
        "COPY vendor vendor",
        "COPY testdata testdata",
    )
    files = {"static/vendor/j.js": "x", "vendor/modules.txt": "x", "testdata/x": "x"}
    read = {"main.go": 'package main\n\nimport "os"\n\nfunc main() {\n\tos.ReadFile("testdata/x")\n}\n'}
    shipped = final(go(*copies, "RUN go build -o shop", 'CMD ["./shop"]', files=files))
    assert "static/vendor" in shipped
    assert "COPY vendor" not in shipped
    assert "testdata" not in shipped
    assert "COPY testdata" in final(go(*copies, "RUN go build -o shop", 'CMD ["./shop"]', files={**files, **read}))


def test_one_of_several_programs_uses_cgo() -> None:
    files = {
        "go.mod": GO["go.mod"] + "\nrequire github.com/mattn/go-sqlite3 v1.14.0\n",
        "cmd/tool/main.go": GO["main.go"],
    }
    install = "RUN apt-get update && apt-get install -y libsqlite3-dev"
    builds = ("RUN CGO_ENABLED=0 go build -o tool ./cmd/tool", "RUN go build -o shop .")
    outcome = go(install, "COPY . .", *builds, 'CMD ["./shop"]', files=files, level="aggressive")
    assert "libsqlite3-0" in final(outcome)


@pytest.mark.parametrize(("tag", "base"), [("1.19-alpine", "alpine:"), ("1.20-alpine", "gcr.io/distroless/static")])
def test_go_on_alpine_without_a_compiler(tag: str, base: str) -> None:
    outcome = go("COPY . .", "RUN go build -o shop .", 'CMD ["./shop"]', base=f"golang:{tag}", level="aggressive")
    assert final(outcome).startswith(base)


def test_a_tool_from_elsewhere_may_read_all_there_is() -> None:
    install = "RUN go install github.com/mattn/goreman@latest && go build -o shop ."
    shipped = final(go("COPY . .", install, 'CMD ["goreman", "start"]', files={"Procfile": "web: ./shop\n"}))
    assert "COPY . ." in shipped


def test_a_health_check_in_small_letters() -> None:
    check = "HEALTHCHECK --interval=5s cmd curl -f localhost"
    assert "    curl" in final(go("COPY . .", "RUN go build -o shop .", check, 'CMD ["./shop"]'))


@pytest.mark.parametrize(
    ("base", "add", "why"),
    [
        ("golang:1.24-trixie", "adduser --disabled-password me", "adduser is not in debian:trixie-slim"),
        ("golang:1.22-bookworm", "addgroup --system me", "another number"),
        ("golang:1.22-bookworm", "adduser --system --group me", "another number"),
    ],
)
def test_users_that_cannot_be_added_as_before(base: str, add: str, why: str) -> None:
    outcome = go(f"RUN {add}", "COPY . .", "RUN go build -o shop .", "USER me", 'CMD ["./shop"]', base=base)
    assert why in reason(outcome)


def test_an_interpreter_has_its_modules() -> None:
    main = 'package main\n\nimport "os/exec"\n\nfunc main() {\n\texec.Command("python3", "x.py").Run()\n}\n'
    shipped = final(
        go("COPY . .", "RUN go build -o shop .", 'CMD ["./shop"]', files={"main.go": main, "x.py": "import json"})
    )
    assert "python3 " in shipped.replace("\n", " ")
    assert "python3-minimal" not in shipped


BUILT = ("COPY . .", "RUN cargo build --release", 'CMD ["target/release/shop"]')


@pytest.mark.parametrize(
    ("files", "lines", "why"),
    [
        ({".cargo/config.toml": '[build]\ntarget = "x86_64-unknown-linux-musl"\n'}, BUILT, "sets target"),
        ({".cargo/config.toml": '[build]\ntarget-dir = "out"\n'}, BUILT, "sets target-dir"),
        ({".cargo/config": '[build]\nrustflags = ["-C", "prefer-dynamic"]\n'}, BUILT, "sets prefer-dynamic"),
        ({}, ("ENV CARGO_BUILD_TARGET_DIR=/out", *BUILT), "CARGO_BUILD_TARGET_DIR says"),
        ({}, ('ENV RUSTFLAGS="-C prefer-dynamic"', *BUILT), "linked when the program starts"),
        ({}, ("COPY . .", "RUN cargo build --release --benches", BUILT[2]), "not known to come from"),
    ],
)
def test_what_cargo_leaves_is_not_known(files: dict[str, str], lines: tuple[str, ...], why: str) -> None:
    assert why in reason(rust(*lines, files=files))


def shipped_by(outcome: Outcome) -> list[str]:
    return [line.rpartition("/")[2] for line in final(outcome).splitlines() if "--from" in line]


def test_programs_that_ask_for_features_are_not_built() -> None:
    bins = '[[bin]]\nname = "shop"\npath = "src/main.rs"\n[[bin]]\nname = "extra"\nrequired-features = ["x"]\n'
    files = {"Cargo.toml": RUST["Cargo.toml"] + bins + "[features]\nx = []\n", "src/bin/extra.rs": "fn main() {}"}
    assert shipped_by(rust(*BUILT, files=files)) == ["shop"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("", ["a"]),
        ("--workspace", ["a", "b"]),
        ("--workspace --exclude b", ["a"]),
        ("-p a -p b", ["a", "b"]),
        ("--bin a --bin b", ["a", "b"]),
    ],
)
def test_which_members_are_built(options: str, names: list[str]) -> None:
    files = {
        "Cargo.toml": '[workspace]\nmembers = ["a", "b"]\ndefault-members = ["a"]\n',
        **{f"{one}/Cargo.toml": f'[package]\nname = "{one}"\nversion = "0.1.0"\n' for one in "ab"},
        **{f"{one}/src/main.rs": "fn main() {}" for one in "ab"},
    }
    outcome = rust("COPY . .", f"RUN cargo build --release {options}", 'CMD ["target/release/a"]', files=files)
    assert shipped_by(outcome) == names


def test_a_folder_for_the_build_that_the_sources_name_stays() -> None:
    files = {"vendor/a.js": "x", "src/main.rs": 'fn main() { std::fs::read("vendor/a.js"); }\n'}
    copies = ("COPY Cargo.toml Cargo.lock ./", "COPY src src", "COPY vendor vendor")
    assert "COPY vendor vendor" in final(rust(*copies, *BUILT[1:], files=files))


MAVEN = "maven:3.9-eclipse-temurin-21"
JAR = "target/shop-1.jar"


@pytest.mark.parametrize(
    "lines",
    [
        (f'CMD ["java", "-Dlogging.config=src/main/resources/log.xml", "-jar", "{JAR}"]',),
        ("ENV LOGGING_CONFIG=file:/app/src/main/resources/log.xml", f'CMD ["java", "-jar", "{JAR}"]'),
    ],
)
def test_sources_that_the_command_line_or_a_variable_names_stay(lines: tuple[str, ...]) -> None:
    outcome = run(MAVEN, JAVA, "COPY pom.xml .", "COPY src ./src", "RUN mvn -B package", *lines)
    assert "COPY src ./src" in final(outcome)


def test_folders_of_builds_are_beside_projects() -> None:
    copies = ("COPY pom.xml .", "COPY src ./src", "COPY pages/build ./public")
    files = {**JAVA, "pages/build/index.html": "x"}
    outcome = run(MAVEN, files, *copies, "RUN mvn -B package", f'CMD ["java", "-jar", "{JAR}"]')
    assert "COPY pages/build ./public" in final(outcome)
    copies = ("COPY shop.csproj Program.cs ./", "COPY tools/bin/x.dat /data/x.dat", "COPY bin/old.dll bin/")
    files = {**DOTNET, "tools/bin/x.dat": "x", "bin/old.dll": "x"}
    published = ("RUN dotnet publish -c Release -o /out", 'CMD ["dotnet", "/out/shop.dll"]')
    shipped = final(run("mcr.microsoft.com/dotnet/sdk:8.0", files, *copies, *published))
    assert "COPY tools/bin/x.dat /data/x.dat" in shipped
    assert "old.dll" not in shipped


def test_what_is_built_in_a_mount_is_not_in_the_image() -> None:
    files = {"src/bin/other.rs": "fn main() {}"}
    build = "RUN --mount=type=cache,target=target cargo build --release && cp target/release/shop /usr/bin/shop"
    assert shipped_by(rust("COPY . .", build, 'CMD ["shop"]', files=files)) == ["shop"]
    java = "RUN --mount=type=cache,target=/app/target mvn -B package"
    outcome = run(MAVEN, JAVA, "COPY . .", java, f'CMD ["java", "-jar", "{JAR}"]')
    assert reason(outcome)


def test_where_cargo_installs_to() -> None:
    install = ("COPY . .", "RUN cargo install --path .", 'CMD ["/opt/cargo/bin/shop"]')
    assert shipped_by(rust("ENV CARGO_HOME=/opt/cargo", *install)) == ["shop"]
    assert "not known" in reason(rust("ENV CARGO_INSTALL_ROOT=/opt/cargo", *install))


def test_what_lies_in_a_folder_that_ships_comes_with_it() -> None:
    lines = (
        "COPY . .",
        "RUN dotnet publish -c Release -o /out",
        "RUN cp appsettings.json /out/appsettings.Production.json",
    )
    start = 'CMD ["dotnet", "/out/shop.dll"]'
    outcome = run("mcr.microsoft.com/dotnet/sdk:8.0", {**DOTNET, "appsettings.json": "{}"}, *lines, start)
    assert shipped_by(outcome) == ["out"]


def test_files_that_a_script_names_stay() -> None:
    files = {"entrypoint.sh": "#!/bin/sh\ncat docs/README.md\nexec ./shop\n", "docs/README.md": "x", "README.md": "x"}
    shipped = final(go("COPY . .", "RUN go build -o shop .", 'CMD ["./entrypoint.sh"]', files=files))
    assert "COPY docs /app/docs" in shipped
    assert "COPY README.md" not in shipped


def test_a_library_of_the_context_may_ask_for_others() -> None:
    outcome = go("COPY . .", "RUN go build -o shop .", 'CMD ["./shop"]', files={"lib/libx.so.1": "x"})
    assert "lib/libx.so.1 is linked to" in reason(outcome)


def test_a_folder_that_a_copy_gives_to_a_user_stays_theirs() -> None:
    files = {"go.mod": GO["go.mod"], "main.go": GO["main.go"]}
    text = "FROM golang:1.22-bookworm\nRUN useradd me\n{}RUN go build -o shop .\nUSER me\nCMD ['./shop']\n".replace(
        "'", '"'
    )
    copy = "COPY --chown=me . /srv/app\n"
    for lines, stays in ((f"{copy}WORKDIR /srv/app\n", True), (f"WORKDIR /srv/app\n{copy}", False)):
        outcome = slimify.fix(text.format(lines), context=MemoryContext(files), only=["split-stage"])
        assert (copy in final(outcome)) is stays
