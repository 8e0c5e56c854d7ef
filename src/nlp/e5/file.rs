//! The layout of the model file. The file is untrusted: every length and offset is checked against the file and against limits before
//! anything is read or reserved by it.
//!
//! Little-endian: `E5S1`, version; the shape; the pieces of the tokenizer with their scores and a table that replaces characters; a
//! directory of tensors with offsets from the start of the file. Matrices are stored as `[out][in]` in blocks of 32 weights: a half-precision
//! scale and 16 bytes, byte *j* with weight *j* in its low and *j + 16* in its high half, each 8 above what it counts.

use std::collections::HashMap;
use std::ops::Range;

use ndarray::{Array1, Array2};

/// Weights that share a scale.
pub(super) const BLOCK: usize = 32;
/// Bytes of such a block.
pub(super) const BLOCK_BYTES: usize = 2 + BLOCK / 2;

const MAGIC: &[u8; 4] = b"E5S1";
const VERSION: u32 = 1;
/// Far above what any model of this family has.
const SIDE_MAX: usize = 8_192;
const N_LAYERS_MAX: usize = 96;
const N_PIECES_MAX: usize = 2_000_000;
const N_REPLACED_MAX: usize = 200_000;
const N_TENSORS_MAX: usize = 4_096;

/// Where and how a model file is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not the model that barid reads: {what} (at byte {at})")]
pub(in crate::nlp) struct BrokenModel {
    pub(super) what: String,
    pub(super) at: usize,
}

/// The measures of the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// Numbers for each token.
    pub(super) hidden: usize,
    pub(super) n_layers: usize,
    pub(super) n_heads: usize,
    /// Numbers for each token between the two halves of a layer.
    pub(super) inner: usize,
    /// Rows of the word matrix.
    pub(super) n_words: usize,
    pub(super) n_positions: usize,
    pub(super) n_types: usize,
    pub(super) epsilon: f32,
}

/// Where the pieces are.
#[derive(Debug, Clone)]
pub(super) struct PieceTable {
    pub(super) begin: u32,
    pub(super) end: u32,
    pub(super) unknown: u32,
    pub(super) padding: u32,
    /// Where each piece ends in the text of all, and the first begins: one more than there are pieces.
    pub(super) offsets: Vec<u32>,
    pub(super) scores: Vec<f32>,
    pub(super) text: Range<usize>,
    pub(super) replaced: HashMap<char, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    F32,
    Q4,
}

#[derive(Debug, Clone)]
struct Tensor {
    kind: Kind,
    count: usize,
    range: Range<usize>,
}

/// Everything but the weights themselves.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) shape: Shape,
    pub(super) pieces: PieceTable,
    tensors: HashMap<String, Tensor>,
}

impl Layout {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, BrokenModel> {
        let mut cursor = Cursor { bytes, at: 0 };
        if cursor.take(4)? != MAGIC {
            return Err(BrokenModel { what: "it does not begin with `E5S1`".to_owned(), at: 0 });
        }
        let version = cursor.u32()?;
        if version != VERSION {
            return Err(cursor.broken(format!("its version is {version}, not {VERSION}")));
        }
        let shape = shape(&mut cursor)?;
        let pieces = piece_table(&mut cursor, &shape)?;
        let tensors = directory(&mut cursor)?;
        Ok(Self { shape, pieces, tensors })
    }

    /// A row of plain numbers.
    pub(super) fn row(&self, bytes: &[u8], name: &str, length: usize) -> Result<Array1<f32>, BrokenModel> {
        Ok(Array1::from_vec(self.plain(bytes, name, length)?))
    }

    /// A matrix of plain numbers.
    pub(super) fn plain_matrix(
        &self,
        bytes: &[u8],
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Array2<f32>, BrokenModel> {
        let numbers = self.plain(bytes, name, rows * columns)?;
        Array2::from_shape_vec((rows, columns), numbers).map_err(|_| unexpected(name, 0))
    }

    /// A matrix of four-bit weights, unpacked.
    pub(super) fn matrix(
        &self,
        bytes: &[u8],
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Array2<f32>, BrokenModel> {
        let range = self.packed(bytes, name, rows, columns)?;
        let mut numbers = vec![0.0; rows * columns];
        unpack(&bytes[range.clone()], &mut numbers);
        Array2::from_shape_vec((rows, columns), numbers).map_err(|_| unexpected(name, range.start))
    }

    /// Where a matrix of four-bit weights is; its scales are numbers.
    pub(super) fn packed(
        &self,
        bytes: &[u8],
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Range<usize>, BrokenModel> {
        let expected = rows.checked_mul(columns).filter(|_| columns.is_multiple_of(BLOCK));
        let n_bytes = expected.map(|count| count / BLOCK * BLOCK_BYTES);
        let range = self.tensor(bytes, name, Kind::Q4, expected, n_bytes)?;
        let blocks = bytes[range.clone()].chunks_exact(BLOCK_BYTES);
        match blocks.enumerate().find(|(_, block)| !half(block[0], block[1]).is_finite()) {
            Some((block, _)) => Err(BrokenModel {
                what: format!("`{name}` has a scale that is no number"),
                at: range.start + block * BLOCK_BYTES,
            }),
            None => Ok(range),
        }
    }

    fn plain(&self, bytes: &[u8], name: &str, count: usize) -> Result<Vec<f32>, BrokenModel> {
        let range = self.tensor(bytes, name, Kind::F32, Some(count), count.checked_mul(4))?;
        let start = range.start;
        let numbers: Vec<f32> =
            bytes[range].chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
        match numbers.iter().position(|number| !number.is_finite()) {
            Some(place) => {
                Err(BrokenModel { what: format!("`{name}` holds something that is no number"), at: start + place * 4 })
            }
            None => Ok(numbers),
        }
    }

    fn tensor(
        &self,
        bytes: &[u8],
        name: &str,
        kind: Kind,
        count: Option<usize>,
        n_bytes: Option<usize>,
    ) -> Result<Range<usize>, BrokenModel> {
        let missing = || BrokenModel { what: format!("it has no `{name}`"), at: 0 };
        let tensor = self.tensors.get(name).ok_or_else(missing)?;
        let fits = tensor.kind == kind && Some(tensor.count) == count && Some(tensor.range.len()) == n_bytes;
        if fits && tensor.range.end <= bytes.len() {
            Ok(tensor.range.clone())
        } else {
            Err(unexpected(name, tensor.range.start))
        }
    }
}

fn unexpected(name: &str, at: usize) -> BrokenModel {
    BrokenModel { what: format!("`{name}` has another size or kind than the shape of the network asks for"), at }
}

fn shape(cursor: &mut Cursor<'_>) -> Result<Shape, BrokenModel> {
    let at = cursor.at;
    let shape = Shape {
        hidden: cursor.count("hidden size", SIDE_MAX)?,
        n_layers: cursor.count("number of layers", N_LAYERS_MAX)?,
        n_heads: cursor.count("number of heads", SIDE_MAX)?,
        inner: cursor.count("inner size", SIDE_MAX)?,
        n_words: cursor.count("number of words", N_PIECES_MAX)?,
        n_positions: cursor.count("number of positions", SIDE_MAX)?,
        n_types: cursor.count("number of types", SIDE_MAX)?,
        epsilon: cursor.f32()?,
    };
    let block = cursor.count("block size", SIDE_MAX)?;
    let broken = |what: &str| Err(BrokenModel { what: what.to_owned(), at });
    if block != BLOCK {
        return broken("its blocks do not have 32 weights");
    }
    if !shape.hidden.is_multiple_of(shape.n_heads) {
        return broken("its heads do not share the hidden size evenly");
    }
    if !shape.hidden.is_multiple_of(BLOCK) || !shape.inner.is_multiple_of(BLOCK) {
        return broken("its sizes are no multiples of a block");
    }
    // Begin, end, and at least one token between them.
    if shape.n_positions < 3 {
        return broken("it has too few positions");
    }
    if !(shape.epsilon.is_finite() && shape.epsilon > 0.0) {
        return broken("its epsilon is no small number");
    }
    Ok(shape)
}

fn piece_table(cursor: &mut Cursor<'_>, shape: &Shape) -> Result<PieceTable, BrokenModel> {
    let n = cursor.count("number of pieces", N_PIECES_MAX.min(shape.n_words))?;
    let special = |cursor: &mut Cursor<'_>, what: &str| match cursor.u32()? {
        id if (id as usize) < n => Ok(id),
        id => Err(cursor.broken(format!("the {what} piece is {id} of {n}"))),
    };
    let (begin, end) = (special(cursor, "begin")?, special(cursor, "end")?);
    let (padding, unknown) = (special(cursor, "padding")?, special(cursor, "unknown")?);
    let length = cursor.u64()?;
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= cursor.left())
        .ok_or_else(|| cursor.broken(format!("the text of the pieces would have {length} bytes")))?;
    let offsets: Vec<u32> = cursor.many(n + 1, u32::from_le_bytes)?;
    if offsets.first() != Some(&0) || offsets.last().is_none_or(|last| *last as usize != length) || !offsets.is_sorted()
    {
        return Err(cursor.broken("the pieces do not follow each other".to_owned()));
    }
    let scores: Vec<f32> = cursor.many(n, f32::from_le_bytes)?;
    if !scores.iter().all(|score| score.is_finite()) {
        return Err(cursor.broken("a piece has a score that is no number".to_owned()));
    }
    let start = cursor.at;
    cursor.take(length)?;
    let replaced = replaced(cursor)?;
    Ok(PieceTable { begin, end, unknown, padding, offsets, scores, text: start..start + length, replaced })
}

fn replaced(cursor: &mut Cursor<'_>) -> Result<HashMap<char, String>, BrokenModel> {
    let n = cursor.count_or_none("number of replaced characters", N_REPLACED_MAX)?;
    let n_bytes = cursor.u32()? as usize;
    let start = cursor.at;
    let mut replaced = HashMap::new();
    for _ in 0..n {
        let from = cursor.character()?;
        let length = cursor.u8()?;
        let to = (0..length).map(|_| cursor.character()).collect::<Result<String, _>>()?;
        replaced.insert(from, to);
    }
    if cursor.at - start == n_bytes {
        Ok(replaced)
    } else {
        Err(cursor.broken("the replaced characters have another length".to_owned()))
    }
}

fn directory(cursor: &mut Cursor<'_>) -> Result<HashMap<String, Tensor>, BrokenModel> {
    let n = cursor.count("number of tensors", N_TENSORS_MAX)?;
    let mut tensors = HashMap::with_capacity(n);
    for _ in 0..n {
        let length = usize::from(cursor.u16()?);
        let name = String::from_utf8_lossy(cursor.take(length)?).into_owned();
        let kind = match cursor.u8()? {
            0 => Kind::F32,
            1 => Kind::Q4,
            other => return Err(cursor.broken(format!("`{name}` is of the kind {other}"))),
        };
        let count = cursor.u32()? as usize;
        let (offset, n_bytes) = (cursor.u64()?, cursor.u64()?);
        let end = offset.checked_add(n_bytes).filter(|end| *end <= cursor.bytes.len() as u64);
        let range = end.and_then(|end| Some(usize::try_from(offset).ok()?..usize::try_from(end).ok()?));
        let range = range.ok_or_else(|| cursor.broken(format!("`{name}` lies beyond the end of the file")))?;
        tensors.insert(name, Tensor { kind, count, range });
    }
    Ok(tensors)
}

/// Reads one thing after the other, never beyond the end.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn broken(&self, what: String) -> BrokenModel {
        BrokenModel { what, at: self.at }
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], BrokenModel> {
        let taken = self.bytes[self.at..].get(..n).ok_or_else(|| self.broken("it ends too early".to_owned()))?;
        self.at += n;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BrokenModel> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn u8(&mut self) -> Result<u8, BrokenModel> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16, BrokenModel> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, BrokenModel> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, BrokenModel> {
        self.array().map(u64::from_le_bytes)
    }

    fn f32(&mut self) -> Result<f32, BrokenModel> {
        self.array().map(f32::from_le_bytes)
    }

    /// `n` numbers of four bytes; nothing is reserved that the file does not hold.
    fn many<T>(&mut self, n: usize, of: impl Fn([u8; 4]) -> T) -> Result<Vec<T>, BrokenModel> {
        let bytes = self.take(n.saturating_mul(4))?;
        Ok(bytes.chunks_exact(4).map(|four| of([four[0], four[1], four[2], four[3]])).collect())
    }

    fn character(&mut self) -> Result<char, BrokenModel> {
        let code = self.u32()?;
        char::from_u32(code).ok_or_else(|| self.broken(format!("{code:#x} is no character")))
    }

    /// A number from 1 to `most`.
    fn count(&mut self, what: &str, most: usize) -> Result<usize, BrokenModel> {
        match self.count_or_none(what, most)? {
            0 => Err(self.broken(format!("the {what} is 0"))),
            n => Ok(n),
        }
    }

    fn count_or_none(&mut self, what: &str, most: usize) -> Result<usize, BrokenModel> {
        let n = i32::from_le_bytes(self.array()?);
        usize::try_from(n)
            .ok()
            .filter(|n| *n <= most)
            .ok_or_else(|| self.broken(format!("the {what} is {n}, beyond {most}")))
    }
}

/// Unpacks blocks of four-bit weights; `numbers` has room for exactly as many.
pub(super) fn unpack(blocks: &[u8], numbers: &mut [f32]) {
    for (block, numbers) in blocks.chunks_exact(BLOCK_BYTES).zip(numbers.chunks_exact_mut(BLOCK)) {
        let scale = half(block[0], block[1]);
        let (low, high) = numbers.split_at_mut(BLOCK / 2);
        for ((byte, low), high) in block[2..].iter().zip(low).zip(high) {
            *low = (f32::from(byte & 15) - 8.0) * scale;
            *high = (f32::from(byte >> 4) - 8.0) * scale;
        }
    }
}

/// A number of half precision (IEEE 754 binary16), low byte first.
fn half(low: u8, high: u8) -> f32 {
    let bits = u16::from_le_bytes([low, high]);
    let (exponent, fraction) = (i32::from((bits >> 10) & 31), f32::from(bits & 1023));
    let value = match exponent {
        0 => fraction * (-24_f32).exp2(),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * ((exponent - 15) as f32).exp2(),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}

/// The bytes of that range, without a second copy of them beside the file.
pub(super) fn carve(mut bytes: Vec<u8>, range: Range<usize>) -> Box<[u8]> {
    bytes.truncate(range.end);
    bytes.drain(..range.start.min(bytes.len()));
    bytes.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_by_the_standard() {
        for (bits, value) in [
            (0x0000_u16, 0.0_f32),
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7BFF, 65_504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0x7C00, f32::INFINITY),
            (0xFC00, f32::NEG_INFINITY),
        ] {
            let [low, high] = bits.to_le_bytes();
            assert_eq!(half(low, high).to_bits(), value.to_bits(), "{bits:#06x}");
        }
        assert!(half(0x01, 0x7C).is_nan());
    }

    #[test]
    fn blocks_are_unpacked_half_by_half() {
        // Scale 0.5; byte j is (j mod 16) low and (15 - j) high.
        let mut block = vec![0x00, 0x38];
        block.extend((0..16_u8).map(|j| j | ((15 - j) << 4)));
        let mut numbers = [0.0; 32];
        unpack(&block, &mut numbers);
        assert_eq!((numbers[0], numbers[15], numbers[16], numbers[31]), (-4.0, 3.5, 3.5, -4.0));
    }
}
