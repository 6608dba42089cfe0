plugins {
    kotlin("jvm") version "2.0.20"
    application
}

dependencies {
    implementation("io.javalin:javalin:6.3.0")
}

application {
    mainClass.set("shop.AppKt")
}
