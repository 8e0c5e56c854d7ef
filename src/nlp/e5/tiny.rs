//! A model file of the same layout with made-up weights, small enough for a test to break it at every byte.

use std::fmt::Write as _;

use rand::{Rng as _, SeedableRng as _};

/// Numbers for each token.
pub(super) const HIDDEN: usize = 32;
/// Tokens that fit.
pub(super) const POSITIONS: usize = 12;
/// The pieces; their numbers are their places.
pub(super) const PIECES: [(&str, f32); 14] = [
    ("<s>", 0.0),
    ("<pad>", 0.0),
    ("</s>", 0.0),
    ("<unk>", 0.0),
    ("▁", -2.0),
    ("a", -3.0),
    ("b", -3.0),
    ("ab", -3.5),
    ("▁ab", -3.0),
    ("▁query", -4.0),
    (":", -3.0),
    ("م", -3.0),
    ("▁م", -3.2),
    ("", -1.0),
];

/// The whole file. Capitals `A` become `a`, tabs blanks, and U+0640 nothing.
pub(super) fn file() -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(b"E5S1");
    file.extend(1_u32.to_le_bytes());
    let n = i32::try_from(PIECES.len()).unwrap();
    // More words than pieces, as in the real one.
    let n_words = n + 3;
    for number in [HIDDEN as i32, 2, 2, 64, n_words, POSITIONS as i32, 2] {
        file.extend(number.to_le_bytes());
    }
    file.extend(1e-12_f32.to_le_bytes());
    file.extend(32_i32.to_le_bytes());
    for number in [n, 0, 2, 1, 3] {
        file.extend(number.to_le_bytes());
    }
    let text: String = PIECES.iter().map(|(piece, _)| *piece).collect();
    file.extend((text.len() as u64).to_le_bytes());
    let mut end = 0_u32;
    file.extend(end.to_le_bytes());
    for (piece, _) in PIECES {
        end += u32::try_from(piece.len()).unwrap();
        file.extend(end.to_le_bytes());
    }
    PIECES.iter().for_each(|(_, score)| file.extend(score.to_le_bytes()));
    file.extend(text.as_bytes());
    let replaced: [(char, &str); 3] = [('A', "a"), ('\t', " "), ('\u{640}', "")];
    file.extend(3_i32.to_le_bytes());
    file.extend((3 * 5 + 2 * 4_u32).to_le_bytes());
    for (from, to) in replaced {
        file.extend(u32::from(from).to_le_bytes());
        file.push(u8::try_from(to.chars().count()).unwrap());
        to.chars().for_each(|c| file.extend(u32::from(c).to_le_bytes()));
    }
    add_tensors(&mut file, n_words as usize);
    file
}

/// The directory, then the weights.
fn add_tensors(file: &mut Vec<u8>, n_words: usize) {
    let mut dice = rand::rngs::StdRng::seed_from_u64(7);
    let mut tensors: Vec<(String, bool, usize)> = vec![
        ("emb.word".to_owned(), true, n_words * HIDDEN),
        ("emb.pos".to_owned(), false, POSITIONS * HIDDEN),
        ("emb.type".to_owned(), false, 2 * HIDDEN),
        ("emb.ln.w".to_owned(), false, HIDDEN),
        ("emb.ln.b".to_owned(), false, HIDDEN),
    ];
    for layer in 0..2 {
        for (name, out, into) in
            [("q", 32, 32), ("k", 32, 32), ("v", 32, 32), ("ao", 32, 32), ("fi", 64, 32), ("fo", 32, 64)]
        {
            tensors.push((format!("l{layer}.{name}.w"), true, out * into));
            tensors.push((format!("l{layer}.{name}.b"), false, out));
        }
        for name in ["aln", "oln"] {
            tensors.push((format!("l{layer}.{name}.w"), false, HIDDEN));
            tensors.push((format!("l{layer}.{name}.b"), false, HIDDEN));
        }
    }
    let weights: Vec<Vec<u8>> =
        tensors.iter().map(|(_, is_packed, count)| weights(&mut dice, *is_packed, *count)).collect();
    let names: usize = tensors.iter().map(|(name, ..)| name.len() + 2 + 1 + 4 + 8 + 8).sum();
    let mut offset = (file.len() + 4 + names) as u64;
    file.extend(i32::try_from(tensors.len()).unwrap().to_le_bytes());
    for ((name, is_packed, count), weights) in tensors.iter().zip(&weights) {
        file.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        file.extend(name.as_bytes());
        file.push(u8::from(*is_packed));
        file.extend(u32::try_from(*count).unwrap().to_le_bytes());
        file.extend(offset.to_le_bytes());
        file.extend((weights.len() as u64).to_le_bytes());
        offset += weights.len() as u64;
    }
    weights.into_iter().for_each(|weights| file.extend(weights));
}

fn weights(dice: &mut rand::rngs::StdRng, is_packed: bool, count: usize) -> Vec<u8> {
    if !is_packed {
        return (0..count).flat_map(|_| dice.random_range(-0.5_f32..0.5).to_le_bytes()).collect();
    }
    // A scale of 2⁻⁵ (0x2800) for each 32 weights.
    (0..count / 32)
        .flat_map(|_| [0x00, 0x28].into_iter().chain((0..16).map(|_| dice.random())).collect::<Vec<u8>>())
        .collect()
}

/// The file with some bytes at a place replaced.
pub(super) fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = file();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

/// Where the directory says where a tensor is: its kind, count, offset and length.
pub(super) fn entry(name: &str) -> usize {
    let file = file();
    let mut wanted = String::new();
    write!(wanted, "{name}").unwrap();
    let found = file.windows(wanted.len() + 2).position(|window| {
        window[..2] == u16::try_from(wanted.len()).unwrap().to_le_bytes() && &window[2..] == wanted.as_bytes()
    });
    found.unwrap() + 2 + wanted.len()
}
