//! Cuts a text into the pieces that the network knows (a unigram model as SentencePiece has it): of all ways to cut it, the one with the
//! best sum of scores.

use std::collections::HashMap;

use super::file::{BrokenModel, PieceTable};

/// What stands for a blank.
const BLANK: char = '\u{2581}';
/// How much worse than the worst piece a character is that no piece knows.
const UNKNOWN_PENALTY: f32 = 10.0;
/// Longer texts are cut to this many characters: more tokens than the network takes are never made of fewer.
const CHARACTERS_MAX: usize = 4_096;

/// The pieces and their scores.
#[derive(Debug)]
pub(super) struct Pieces {
    text: Box<[u8]>,
    offsets: Vec<u32>,
    scores: Vec<f32>,
    /// The numbers of the pieces in the order of their bytes.
    sorted: Vec<u32>,
    replaced: HashMap<char, String>,
    begin: u32,
    end: u32,
    unknown: u32,
    unknown_score: f32,
}

/// The best way to a place in the text.
#[derive(Debug, Clone, Copy)]
struct Way {
    score: f32,
    from: usize,
    piece: u32,
}

impl Pieces {
    pub(super) fn of(table: &PieceTable, bytes: &[u8]) -> Result<Self, BrokenModel> {
        let broken =
            || BrokenModel { what: "the pieces lie beyond the end of the file".to_owned(), at: table.text.start };
        let text: Box<[u8]> = bytes.get(table.text.clone()).ok_or_else(broken)?.into();
        let worst = table.scores.iter().copied().fold(0.0_f32, f32::min);
        let mut pieces = Self {
            text,
            offsets: table.offsets.clone(),
            scores: table.scores.clone(),
            sorted: Vec::new(),
            replaced: table.replaced.clone(),
            begin: table.begin,
            end: table.end,
            unknown: table.unknown,
            unknown_score: worst - UNKNOWN_PENALTY,
        };
        // Signs of the model's own are no text, and an empty piece would be found everywhere.
        let own = [table.begin, table.end, table.padding, table.unknown];
        let n = u32::try_from(pieces.scores.len()).unwrap_or(u32::MAX);
        let mut sorted: Vec<u32> = (0..n).filter(|id| !own.contains(id) && !pieces.bytes_of(*id).is_empty()).collect();
        sorted.sort_unstable_by(|a, b| pieces.bytes_of(*a).cmp(pieces.bytes_of(*b)));
        pieces.sorted = sorted;
        Ok(pieces)
    }

    fn bytes_of(&self, id: u32) -> &[u8] {
        let id = id as usize;
        &self.text[self.offsets[id] as usize..self.offsets[id + 1] as usize]
    }

    /// The numbers of the pieces of a text between the signs for begin and end, `most` in all at most.
    pub(super) fn ids(&self, text: &str, most: usize) -> Vec<u32> {
        let prepared = self.prepared(text);
        let mut ids = vec![self.begin];
        ids.extend(self.cut(&prepared));
        ids.truncate(most.saturating_sub(1));
        ids.push(self.end);
        ids
    }

    /// With characters replaced, single blanks, and the sign for a blank before each word.
    fn prepared(&self, text: &str) -> String {
        let mut replaced = String::with_capacity(text.len() + 8);
        for character in text.chars().take(CHARACTERS_MAX) {
            match self.replaced.get(&character) {
                Some(other) => replaced.push_str(other),
                None => replaced.push(character),
            }
        }
        let mut prepared = String::with_capacity(replaced.len() + 8);
        for word in replaced.split(' ').filter(|word| !word.is_empty()) {
            prepared.push(BLANK);
            prepared.push_str(word);
        }
        prepared
    }

    fn cut(&self, text: &str) -> Vec<u32> {
        let bytes = text.as_bytes();
        let mut ways: Vec<Option<Way>> = vec![None; bytes.len() + 1];
        let offer = |ways: &mut Vec<Option<Way>>, to: usize, way: Way| {
            if ways[to].is_none_or(|known| way.score > known.score) {
                ways[to] = Some(way);
            }
        };
        for (start, character) in text.char_indices() {
            let before = match ways[start] {
                Some(way) => way.score,
                None if start == 0 => 0.0,
                None => continue,
            };
            let mut is_known = false;
            self.pieces_at(&bytes[start..], |length, piece| {
                is_known |= length == character.len_utf8();
                let score = before + self.scores[piece as usize];
                offer(&mut ways, start + length, Way { score, from: start, piece });
            });
            if !is_known {
                let way = Way { score: before + self.unknown_score, from: start, piece: self.unknown };
                offer(&mut ways, start + character.len_utf8(), way);
            }
        }
        let (mut ids, mut at) = (Vec::new(), bytes.len());
        while let Some(way) = ways[at].filter(|_| at > 0) {
            // Unknown characters in a row are one unknown piece.
            if way.piece != self.unknown || ids.last() != Some(&self.unknown) {
                ids.push(way.piece);
            }
            at = way.from;
        }
        ids.reverse();
        ids
    }

    /// Tells every piece with which the bytes begin, and its length, shortest first.
    fn pieces_at(&self, bytes: &[u8], mut found: impl FnMut(usize, u32)) {
        let mut candidates = self.sorted.as_slice();
        for (length, byte) in bytes.iter().enumerate() {
            // All candidates share the first `length` bytes; the shorter stand first.
            let of = |id: &u32| self.bytes_of(*id).get(length).copied();
            let from = candidates.partition_point(|id| of(id) < Some(*byte));
            let to = candidates.partition_point(|id| of(id) <= Some(*byte));
            candidates = &candidates[from..to];
            match candidates.first() {
                None => return,
                Some(id) if self.bytes_of(*id).len() == length + 1 => found(length + 1, *id),
                Some(_) => {}
            }
        }
    }
}
