fn main() {
    println!("{}", std::env::var("CARGO_HOME").unwrap());
}
