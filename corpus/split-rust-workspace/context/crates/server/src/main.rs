use std::fs::File;

fn main() {
    File::open("config/server.toml").unwrap();
}
