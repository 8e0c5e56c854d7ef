//! Everything that reads what others wrote, fed with what nobody would write: mutations of the fixtures, and noise. Nothing may panic, and
//! what comes out may not be out of proportion to what went in.
//!
//! Each target runs a few seconds' worth of rounds. `BARID_FUZZ_ROUNDS` says how many, and `BARID_FUZZ_SEED` begins where another run
//! began: the seed stands in the output of a test that fails.

mod mutate;
mod targets;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use self::mutate::Corpus;

/// Rounds of a cheap target unless somebody asks for more; dear ones take a part of it.
const ROUNDS: u64 = 6_000;

#[expect(clippy::disallowed_methods, reason = "a switch for whoever runs the tests, not a setting of the program")]
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Feeds a target: as often as asked for, divided by what one round costs.
fn feed(corpus: &Corpus, cost: u64, mut target: impl FnMut(&[u8], &mut StdRng)) {
    let seed = asked("BARID_FUZZ_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("BARID_FUZZ_SEED={seed}");
    let rounds = (asked("BARID_FUZZ_ROUNDS").unwrap_or(ROUNDS) / cost).max(1);
    let mut random = StdRng::seed_from_u64(seed);
    let mut input = Vec::new();
    for round in 0..rounds {
        corpus.draw(&mut random, &mut input);
        let shown = || println!("round {round}, hex {}", hex::encode(&input));
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| target(&input, &mut random)));
        if let Err(panic) = outcome {
            shown();
            std::panic::resume_unwind(panic);
        }
    }
}
