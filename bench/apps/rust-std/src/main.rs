use std::env;

/// The next number of a linear congruential generator.
fn next(state: u64) -> u64 {
    state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407)
}

fn main() {
    let mut state: u64 = env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
    let rolls: Vec<String> = (0..5)
        .map(|_| {
            state = next(state);
            ((state >> 33) % 6 + 1).to_string()
        })
        .collect();
    println!("rolled {}", rolls.join(" "));
}
