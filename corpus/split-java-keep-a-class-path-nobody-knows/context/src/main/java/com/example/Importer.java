package com.example;

public class Importer {
    public static void main(String[] args) throws Exception {
        System.out.println(java.nio.file.Files.readString(java.nio.file.Path.of("config/tables.txt")));
    }
}
