//! Makes inputs out of examples: cuts, repeats, swaps, bends numbers, and puts in what breaks readers.

use std::path::Path;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngCore as _};

/// The largest input: as large as a body of many elements, small enough for many rounds.
const BYTES_MAX: usize = 16 << 10;

/// Pieces on which readers of JSON, TOML, forms and numbers have stumbled.
const PIECES: &[&[u8]] = &[
    b"\\ud800",
    b"\\udc00",
    b"\\u0000",
    b"\0",
    b"null",
    b"[]",
    b"{}",
    b"\"\"",
    b"-1",
    b"1e999",
    b"-0",
    b"9223372036854775807",
    b"18446744073709551616",
    b"0.1",
    b"true",
    b"%00",
    b"%",
    b"%zz",
    b"+",
    b"&",
    b"=",
    b"\xff",
    b"\xc3",
    b"\xe2\x80\x8f",
    b"\xd9\xa1",
    b"\"from\":",
    b"\"user_preferences\":",
    b"\"statuses\":[",
    b"\"messages\":[",
    b"[[",
    b"\"\"\"",
    b"'''",
    b"\n",
    b"\r\n",
    b"\t",
    b"#",
    b"1979-05-27T07:32:00Z",
    b"inf",
    b"nan",
    b"0x",
    b"whatsapp:",
    b"+966",
    b"wamid.",
    b"SA.",
    b"1793000400",
];

/// Examples of what a target reads.
pub(super) struct Corpus(Vec<Vec<u8>>);

impl Corpus {
    /// Every file of a folder with that ending.
    pub(super) fn of_folder(folder: &str, extension: &str) -> Self {
        let mut paths: Vec<_> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|found| found == extension))
            .collect();
        // In one order on every machine, so that a seed means the same.
        paths.sort();
        assert!(!paths.is_empty(), "{folder} has examples");
        Self(paths.iter().map(|path| std::fs::read(path).unwrap()).collect())
    }

    pub(super) fn of(examples: &[&str]) -> Self {
        Self(examples.iter().map(|example| example.as_bytes().to_vec()).collect())
    }

    pub(super) fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// An input: mostly an example with a few changes, now and then noise.
    pub(super) fn draw(&self, random: &mut StdRng, input: &mut Vec<u8>) {
        input.clear();
        if random.random_ratio(1, 20) {
            input.resize(random.random_range(0..256), 0);
            random.fill_bytes(input);
            return;
        }
        input.extend_from_slice(self.0.choose(random).expect("there are examples"));
        for _ in 0..random.random_range(0..8) {
            self.change(random, input);
        }
        input.truncate(BYTES_MAX);
    }

    fn change(&self, random: &mut StdRng, input: &mut Vec<u8>) {
        let (from, to) = span(random, input.len());
        match random.random_range(0..9) {
            0 => drop(input.drain(from..to)),
            1 => input.truncate(from),
            2 => {
                let piece = input[from..to].to_vec();
                let times = random.random_range(1..6);
                (0..times).for_each(|_| drop(input.splice(to..to, piece.iter().copied())));
            }
            3 => {
                let piece = *PIECES.choose(random).expect("there are pieces");
                input.splice(from..from, piece.iter().copied());
            }
            4 => {
                let piece = *PIECES.choose(random).expect("there are pieces");
                input.splice(from..to, piece.iter().copied());
            }
            5 => {
                // A part of another example.
                let other = self.0.choose(random).expect("there are examples");
                let (start, end) = span(random, other.len());
                input.splice(from..to, other[start..end].iter().copied());
            }
            6 => input[from..to].reverse(),
            7 => {
                if let Some(byte) = input.get_mut(from) {
                    *byte ^= 1 << random.random_range(0..8);
                }
            }
            // A tower: readers that call themselves must not fall from it.
            _ => {
                let bracket = *[b'[', b'{', b'('].choose(random).expect("there are brackets");
                let tower = vec![bracket; random.random_range(1..2_000)];
                input.splice(from..from, tower);
            }
        }
        input.truncate(BYTES_MAX);
    }
}

fn span(random: &mut StdRng, length: usize) -> (usize, usize) {
    let from = random.random_range(0..=length);
    let to = (from + random.random_range(0..64)).min(length);
    (from, to)
}
