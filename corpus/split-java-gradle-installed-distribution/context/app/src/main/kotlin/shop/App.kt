package shop

import io.javalin.Javalin

fun main() {
    Javalin.create().start(7000)
}
