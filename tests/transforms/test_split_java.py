"""split-stage for Java: what golden cases cannot show. Most of it is what must stay as it is."""

from __future__ import annotations

import pytest

import slimify
from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome

POM = """<project>
  <parent>
    <groupId>org.springframework.boot</groupId>
    <artifactId>spring-boot-starter-parent</artifactId>
    <version>3.3.4</version>
    <relativePath/>
  </parent>
  <groupId>com.example</groupId>
  <artifactId>shop</artifactId>
  <version>1.0</version>
  <dependencies></dependencies>
  <build>
    <plugins>
      <plugin>
        <groupId>org.springframework.boot</groupId>
        <artifactId>spring-boot-maven-plugin</artifactId>
      </plugin>
    </plugins>
  </build>
</project>
"""
MAIN = "src/main/java/com/example/Shop.java"
APP = {"pom.xml": POM, MAIN: "package com.example;\n\nclass Shop {\n}\n"}
TEXT = """FROM maven:3.9-eclipse-temurin-17
WORKDIR /app
COPY . .
RUN mvn package -DskipTests
CMD ["java", "-jar", "target/shop-1.0.jar"]
"""


def run(text: str = TEXT, files: dict[str, str] | None = None) -> Outcome:
    return slimify.fix(text, context=MemoryContext({**APP, **(files or {})}), only=["split-stage"])


def reasons(outcome: Outcome) -> str:
    assert not outcome.changed
    return "; ".join(one.reason for one in outcome.notices)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ('new ProcessBuilder(command, "x").start();', "a program is started whose name is not known"),
        ('Runtime.getRuntime().exec("sh -c ls");', "a program is started whose name is not known"),
        ("var c = javax.tools.ToolProvider.getSystemJavaCompiler();", "javax.tools is of the JDK"),
        ("com.sun.tools.attach.VirtualMachine.list();", "com.sun.tools is of the JDK"),
        ("var s = jdk.jshell.JShell.create();", "jdk.jshell is of the JDK"),
        ("var r = RandomGenerator.getDefault();", "RandomGenerator is of the JDK"),
        ('System.loadLibrary("native");', "a native library is loaded"),
        ('new java.io.File("target/classes/data.csv");', "names a file in a folder that only the build fills"),
        ('new ProcessBuilder("/usr/local/bin/no-such-program").start();', "what brings it is not known"),
    ],
)
def test_what_the_sources_need_more_than_a_jre(code: str, reason: str) -> None:
    assert reason in reasons(run(files={MAIN: f"class Shop {{ void run() {{ {code} }} }}\n"}))


def test_comments_and_tests_are_no_code() -> None:
    files = {MAIN: "class Shop { /* javax.tools.JavaCompiler */ }\n", "src/test/java/T.java": "import javax.tools.X;\n"}
    assert run(files=files).changed


@pytest.mark.parametrize("name", ["jasperreports", "byte-buddy-agent", "drools-engine", "joor"])
def test_dependencies_that_call_the_jdk(name: str) -> None:
    one = f"<dependency><groupId>x</groupId><artifactId>{name}</artifactId></dependency>"
    assert "calls the JDK" in reasons(run(files={"pom.xml": POM.replace("<dependencies>", f"<dependencies>{one}")}))
    tested = one.replace("</artifactId>", "</artifactId><scope>test</scope>")
    assert run(files={"pom.xml": POM.replace("<dependencies>", f"<dependencies>{tested}")}).changed


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ('["mvn", "spring-boot:run"]', "as for development"),
        ('["./mvnw", "exec:java"]', "as for development"),
        ('["sh"]', "only a shell"),
        ('["jshell"]', "which only a JDK has"),
        ('["java", "src/main/java/com/example/Shop.java"]', "compile what it runs"),
        ('["java", "@options", "-jar", "target/shop-1.0.jar"]', "read its options from a file"),
        ('["java", "-jar", "target/shop-1.1.jar"]', "pom.xml makes shop-1.0.jar"),
        ('["java", "-jar", "other.jar"]', "not known to be there"),
        ('["java", "-cp", "target/lib/*", "com.example.Shop"]', "what makes that is not known"),
        ('["java", "-Dlogs=target/logs", "-jar", "target/shop-1.0.jar"]', "what that is for is not known"),
        ('["java", "-javaagent:agent.jar", "-jar", "target/shop-1.0.jar"]', "not known to be there"),
        ('["/usr/bin/java", "-jar", "target/shop-1.0.jar"]', "what brings that is not known"),
        ('["java", "com.example.Shop"]', "not what is built here"),
    ],
)
def test_command_lines_that_stay(command: str, reason: str) -> None:
    text = TEXT.replace('["java", "-jar", "target/shop-1.0.jar"]', command)
    assert reason in reasons(run(text))


@pytest.mark.parametrize(
    "command",
    [
        '["java", "-jar", "target/shop-1.0.jar"]',
        '["java", "-Xmx1g", "-jar", "-Dx=y", "target/shop-1.0.jar", "--server.port=80"]',
        "java $JAVA_OPTS -jar target/*.jar",
        "exec java -jar /app/target/shop-1.0.jar",
        '["java", "-cp", "target/classes:target/shop-1.0.jar", "com.example.Shop"]',
        '["/opt/java/openjdk/bin/java", "-jar", "target/shop-1.0.jar"]',
    ],
)
def test_command_lines_that_are_followed(command: str) -> None:
    text = TEXT.replace('["java", "-jar", "target/shop-1.0.jar"]', command)
    after = run(text).after.text
    assert "FROM eclipse-temurin:17-jre-noble\n" in after
    assert after.endswith(f"CMD {command}\n")


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        ("mvn deploy", "what `mvn deploy` leaves is not known"),
        ("mvn package $FLAGS", "depends on a variable"),
        ("mvn compile", "no jar is built"),
        ("mvn package || true", "not known to be there"),
        ("mvn package && rm -rf target", "not known to be there"),
        ("cd other && mvn package", "no pom.xml is known to be in /app/other"),
        ("mvn package && npm run build", "neither a plain install"),
        ("mvn dependency:copy-dependencies -DoutputDirectory=lib package", "is not known"),
    ],
)
def test_builds_that_stay(build: str, reason: str) -> None:
    assert reason in reasons(run(TEXT.replace("mvn package -DskipTests", build)))


@pytest.mark.parametrize(
    "image", ["maven", "maven:3.9", "gradle:8", "eclipse-temurin", "maven:3.9-eclipse-temurin-${JAVA}-${OS}"]
)
def test_java_has_to_be_named(image: str) -> None:
    text = "ARG JAVA=17\nARG OS=noble\n" + TEXT.replace("maven:3.9-eclipse-temurin-17", image)
    assert not run(text).changed


@pytest.mark.parametrize(
    ("image", "base"),
    [
        ("maven:3-eclipse-temurin-21-alpine", "eclipse-temurin:21-jre-alpine"),
        ("maven:3.6-jdk-11-slim", "openjdk:11-jre-slim"),
        ("maven:3.9-eclipse-temurin-${JAVA}", "eclipse-temurin:${JAVA}-jre-noble"),
        ("maven:${TOOL}-eclipse-temurin-17", "eclipse-temurin:17-jre-noble"),
    ],
)
def test_the_jre_of_the_same_vendor(image: str, base: str) -> None:
    text = "ARG JAVA=17\nARG TOOL=3.9\n" + TEXT.replace("maven:3.9-eclipse-temurin-17", image)
    assert f"FROM {base}\n" in run(text).after.text


def test_plug_ins_that_do_anything() -> None:
    pom = POM.replace("spring-boot-maven-plugin", "maven-antrun-plugin")
    assert "may leave files outside of target" in reasons(run(files={"pom.xml": pom}))


def test_names_that_an_option_may_change_are_those_of_the_command_line() -> None:
    pom = POM.replace("<version>1.0</version>", "<version>${revision}</version>")
    text = TEXT.replace("-DskipTests", "-Drevision=7").replace("shop-1.0", "shop-7")
    assert "COPY --from=build /app/target/shop-7.jar /app/target/shop-7.jar" in run(text, {"pom.xml": pom}).after.text


def test_sources_stay_where_they_are_read() -> None:
    after = run(files={MAIN: 'class Shop { String f = "src/main/resources/data.csv"; }\n'}).after.text
    assert _is_copied(after, "src")


def test_settings_beside_the_jar_stay() -> None:
    assert _is_copied(run(files={"config/application.yml": "server:\n  port: 80\n"}).after.text, "config")


def _is_copied(text: str, name: str) -> bool:
    """Whether the last stage has the whole context, or a name of it."""
    last = text.rpartition("FROM ")[2]
    return "COPY . ." in last or f"COPY {name} " in last


def test_a_folder_that_depends_on_the_base() -> None:
    assert "the working directory is not known" in reasons(run(TEXT.replace("WORKDIR /app", "WORKDIR app")))


def test_an_entry_point_that_heeds_another_variable() -> None:
    text = TEXT.replace("CMD", "ENV USE_SYSTEM_CA_CERTS=1\nCMD")
    assert "USE_SYSTEM_CA_CERTS" in reasons(run(text))


def test_a_variable_of_maven_that_the_application_reads() -> None:
    text = TEXT.replace("CMD", "ENV SETTINGS=$MAVEN_CONFIG/settings.xml\nCMD")
    assert "MAVEN_CONFIG, which the base sets, is named" in reasons(run(text))


def test_a_variable_of_maven_in_the_sources_and_in_its_wrapper() -> None:
    assert run(files={"mvnw": "#!/bin/sh\nexec $MAVEN_HOME/bin/mvn\n"}).changed
    code = 'class Shop { String home = System.getenv("MAVEN_HOME"); }\n'
    assert "names MAVEN_HOME, which only the base of the build sets" in reasons(run(files={MAIN: code}))


def test_owners_are_given_where_the_files_are() -> None:
    text = TEXT.replace("CMD", "RUN useradd app && chown -R app /app\nUSER app\nCMD")
    after = run(text).after.text
    assert after.index("COPY --from=build") < after.index("chown -R app /app") < after.index("USER app")


def test_what_a_set_up_names_is_in_both_stages() -> None:
    text = TEXT.replace("CMD", "RUN chmod 600 pom.xml\nCMD")
    assert run(text).after.text.count("COPY . .") == 2


def test_a_shell_that_only_the_image_of_maven_has() -> None:
    text = TEXT.replace("temurin-17", "temurin-17-alpine").replace(
        'CMD ["java", "-jar", "target/shop-1.0.jar"]', 'COPY run.sh /run.sh\nCMD ["/run.sh"]'
    )
    script = "exec java -jar /app/target/shop-1.0.jar\n"
    assert "RUN apk add --no-cache bash\n" in run(text, {"run.sh": f"#!/bin/bash\n{script}"}).after.text
    assert "apk add" not in run(text, {"run.sh": f"#!/bin/sh\n{script}"}).after.text
    text = (
        TEXT.replace("temurin-17", "temurin-17-alpine")
        .replace("CMD [", 'CMD ["bash", "-c", "')
        .replace('"java", "-jar", "target/shop-1.0.jar"', 'java -jar target/shop-1.0.jar"')
    )
    assert "RUN apk add --no-cache bash\n" in run(text).after.text


def test_settings_of_maven_are_not_shipped() -> None:
    text = TEXT.replace("COPY . .", "COPY settings.xml /root/.m2/settings.xml\nCOPY pom.xml .\nCOPY src src")
    assert run(text, {"settings.xml": "<settings/>\n"}).after.text.count("settings.xml /root") == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("RUN apt-get update && apt-get install -y openjdk-8-jdk", "openjdk-8-jdk is another Java"),
        ("RUN apt-get update && apt-get install -y default-jre-headless", "default-jre-headless is another Java"),
        ("ENV JAVA_HOME=/usr/lib/jvm/java-8-openjdk-amd64", "JAVA_HOME is /usr/lib/jvm"),
        ("RUN apt-get update && apt-get install -y libtesseract-dev", "what has the library of libtesseract-dev"),
        ("RUN curl -sL https://example.com/x.sh | bash", "cannot be sorted"),
    ],
)
def test_set_ups_that_stay(line: str, reason: str) -> None:
    assert reason in reasons(run(TEXT.replace("WORKDIR", f"{line}\nWORKDIR")))


def test_nothing_is_installed_on_a_release_that_is_not_certain() -> None:
    text = TEXT.replace("maven:3.9-eclipse-temurin-17", "maven:3.6-jdk-11-slim")
    assert run(text).changed
    checked = text.replace("CMD", "HEALTHCHECK CMD curl -f http://localhost/ || exit 1\nCMD")
    assert "stood on is not certain" in reasons(run(checked))


def test_what_only_fetches_may_fail() -> None:
    assert run(TEXT.replace("RUN ", "RUN mvn dependency:go-offline || true\nRUN ")).changed
    entry = 'RUN ["/usr/local/bin/mvn-entrypoint.sh", "mvn", "verify", "clean", "--fail-never"]\nRUN '
    assert run(TEXT.replace("RUN ", entry)).changed
    assert run(TEXT.replace("RUN ", "RUN mvn -B dependency:resolve > /dev/null 2>&1 || true\nRUN ")).changed
    assert "cannot be sorted" in reasons(run(TEXT.replace("RUN ", "RUN mvn dependency:tree > tree.txt\nRUN ")))
    assert "cannot be sorted" in reasons(run(TEXT.replace("RUN ", "RUN mvn dependency:tree > 1\nRUN ")))
    assert "on conditions" in reasons(run(TEXT.replace("RUN ", "RUN useradd app || true\nRUN ")))


def test_what_only_shows_belongs_to_the_build() -> None:
    after = run(TEXT.replace("CMD", "RUN ls -la target\nCMD")).after.text
    assert after.index("RUN ls -la target") < after.rindex("FROM")


def test_a_stage_with_the_usual_name_keeps_it() -> None:
    after = run(TEXT.replace("17\n", "17 AS BUILD\n")).after.text
    assert "AS builder\n" in after
    assert "FROM eclipse-temurin:17-jre-noble AS BUILD\n" in after


def test_maven_from_the_distribution_is_left_behind_where_there_is_no_jre() -> None:
    text = TEXT.replace("maven:3.9-eclipse-temurin-17", "openjdk:17-jdk-slim")
    assert "there is no JRE" in reasons(run(text))
    installed = text.replace("WORKDIR", "RUN apt-get update && apt-get install -y maven\nWORKDIR")
    assert run(installed).after.text.count("FROM openjdk:17-jdk-slim") == 2


def test_a_build_in_exec_form() -> None:
    assert run(TEXT.replace("mvn package -DskipTests", '["mvn", "package"]')).changed


def test_gradle_without_a_jre_saves_what_its_wrapper_fetches() -> None:
    files = {"build.gradle": "plugins { id 'java' }\n", "gradlew": "#!/bin/sh\n", "settings.gradle": ""}
    text = """FROM openjdk:17-jdk-slim
WORKDIR /app
COPY . .
RUN ./gradlew jar
CMD ["java", "-jar", "build/libs/app.jar"]
"""
    assert run(text, files).after.text.count("FROM openjdk:17-jdk-slim") == 2
    cached = text.replace("RUN ", "RUN --mount=type=cache,target=/root/.gradle ")
    assert "there is no JRE" in reasons(run(cached, files))


def test_javac_that_compiles_other_folders_along() -> None:
    text = 'FROM openjdk:11\nWORKDIR /app\nCOPY . .\nRUN javac Main.java\nCMD ["java", "Main"]\n'
    files = {"Main.java": "class Main {}\n", MAIN: "", "pom.xml": ""}
    assert "javac may compile" in reasons(run(text, files))
