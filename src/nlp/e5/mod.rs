//! The model file: multilingual-e5-small (MIT) with weights of four bits, read and run in pure Rust. Turns texts into vectors that lie
//! near each other where their meanings do, over a hundred languages.

mod file;
mod network;
mod pieces;
#[cfg(test)]
mod tiny;

use std::path::Path;

use sha2::{Digest as _, Sha256};

use self::file::{BrokenModel, Layout, carve};
use self::network::Network;
use self::pieces::Pieces;

/// What the model was taught to have before a text that is not a document.
const BEFORE: &str = "query: ";
/// Tokens of several texts that go through the network at once: large matrices are multiplied faster, small ones need less memory.
const N_TOKENS_AT_ONCE: usize = 512;
/// More than any model of this kind; a larger file is something else.
const FILE_BYTES_MAX: u64 = 2 << 30;

/// The model, ready to run. Nothing in it changes any more; threads share it.
#[derive(Debug)]
pub(super) struct E5 {
    pieces: Pieces,
    network: Network,
    sum: [u8; 32],
}

/// Why a model file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ModelError {
    #[error("cannot be read")]
    Read(#[source] std::io::Error),
    #[error("is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error(transparent)]
    Broken(#[from] BrokenModel),
}

impl E5 {
    /// Reads a file whole.
    pub(super) fn load(path: &Path) -> Result<Self, ModelError> {
        let n_bytes = std::fs::metadata(path).map_err(ModelError::Read)?.len();
        if n_bytes > FILE_BYTES_MAX {
            return Err(ModelError::TooLarge);
        }
        Ok(Self::of(std::fs::read(path).map_err(ModelError::Read)?)?)
    }

    /// Reads the bytes of a file; every number in them is checked before it is used.
    pub(super) fn of(bytes: Vec<u8>) -> Result<Self, BrokenModel> {
        let sum = Sha256::digest(&bytes).into();
        let layout = Layout::read(&bytes)?;
        let pieces = Pieces::of(&layout.pieces, &bytes)?;
        let (network, words) = Network::of(&layout, &bytes)?;
        // The rest of the file is not needed any more: three quarters of it are the words.
        Ok(Self { pieces, network: network.with_words(carve(bytes, words)), sum })
    }

    /// SHA-256 of the file.
    pub(super) fn sum(&self) -> &[u8; 32] {
        &self.sum
    }

    /// How many numbers a vector has.
    pub(super) fn n_places(&self) -> usize {
        self.network.n_places()
    }

    /// One vector of length 1 for each text, in their order.
    pub(super) fn encode<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Vec<Vec<f32>> {
        let mut vectors = Vec::new();
        let mut batch: Vec<Vec<u32>> = Vec::new();
        let mut n_tokens = 0;
        for text in texts {
            let ids = self.pieces.ids(&format!("{BEFORE}{text}"), self.network.n_tokens_max());
            if n_tokens + ids.len() > N_TOKENS_AT_ONCE && !batch.is_empty() {
                vectors.extend(self.network.vectors(&batch));
                batch.clear();
                n_tokens = 0;
            }
            n_tokens += ids.len();
            batch.push(ids);
        }
        vectors.extend(self.network.vectors(&batch));
        vectors
    }
}

#[cfg(test)]
mod tests;
