package com.example.orders;

class Export {
    static void run(String tool) throws java.io.IOException {
        Runtime.getRuntime().exec(tool + " --version");
    }
}
