//! The network: embeddings, layers of attention and of two plain halves, and the mean over all tokens. BERT with the norm after each step.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, Slice};

use super::file::{BLOCK, BLOCK_BYTES, BrokenModel, Layout, Shape, unpack};

/// All weights.
#[derive(Debug)]
pub(super) struct Network {
    shape: Shape,
    /// The rows of the word matrix, packed: unpacked, they would take three times the memory of all else.
    words: Box<[u8]>,
    positions: Array2<f32>,
    /// Of the only type there is: texts are not pairs.
    kind: Array1<f32>,
    norm: Norm,
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attended: Linear,
    attended_norm: Norm,
    first: Linear,
    second: Linear,
    out_norm: Norm,
}

/// `x · weightsᵀ + bias`
#[derive(Debug)]
struct Linear {
    weights: Array2<f32>,
    bias: Array1<f32>,
}

/// Layer norm.
#[derive(Debug)]
struct Norm {
    weight: Array1<f32>,
    bias: Array1<f32>,
    epsilon: f32,
}

impl Network {
    /// Reads the weights; also answers where the words are, which are to be given with [`Self::with_words`].
    pub(super) fn of(layout: &Layout, bytes: &[u8]) -> Result<(Self, Range<usize>), BrokenModel> {
        let shape = layout.shape;
        let (hidden, inner) = (shape.hidden, shape.inner);
        let linear = |name: &str, out: usize, into: usize| -> Result<Linear, BrokenModel> {
            Ok(Linear {
                weights: layout.matrix(bytes, &format!("{name}.w"), out, into)?,
                bias: layout.row(bytes, &format!("{name}.b"), out)?,
            })
        };
        let norm = |name: &str| -> Result<Norm, BrokenModel> {
            Ok(Norm {
                weight: layout.row(bytes, &format!("{name}.w"), hidden)?,
                bias: layout.row(bytes, &format!("{name}.b"), hidden)?,
                epsilon: shape.epsilon,
            })
        };
        let layer = |n: usize| -> Result<Layer, BrokenModel> {
            Ok(Layer {
                query: linear(&format!("l{n}.q"), hidden, hidden)?,
                key: linear(&format!("l{n}.k"), hidden, hidden)?,
                value: linear(&format!("l{n}.v"), hidden, hidden)?,
                attended: linear(&format!("l{n}.ao"), hidden, hidden)?,
                attended_norm: norm(&format!("l{n}.aln"))?,
                first: linear(&format!("l{n}.fi"), inner, hidden)?,
                second: linear(&format!("l{n}.fo"), hidden, inner)?,
                out_norm: norm(&format!("l{n}.oln"))?,
            })
        };
        let words = layout.packed(bytes, "emb.word", shape.n_words, hidden)?;
        let kinds = layout.plain_matrix(bytes, "emb.type", shape.n_types, hidden)?;
        let network = Self {
            shape,
            words: Box::default(),
            positions: layout.plain_matrix(bytes, "emb.pos", shape.n_positions, hidden)?,
            kind: kinds.row(0).to_owned(),
            norm: norm("emb.ln")?,
            layers: (0..shape.n_layers).map(layer).collect::<Result<_, _>>()?,
        };
        Ok((network, words))
    }

    /// With the packed rows of the word matrix.
    pub(super) fn with_words(self, words: Box<[u8]>) -> Self {
        Self { words, ..self }
    }

    /// How many numbers a vector has.
    pub(super) fn n_places(&self) -> usize {
        self.shape.hidden
    }

    /// How many tokens a text may have.
    pub(super) fn n_tokens_max(&self) -> usize {
        self.shape.n_positions
    }

    /// The vectors of texts that were cut into tokens; all go through the network side by side.
    pub(super) fn vectors(&self, texts: &[Vec<u32>]) -> Vec<Vec<f32>> {
        if texts.is_empty() {
            return Vec::new();
        }
        let mut spans: Vec<Range<usize>> = Vec::with_capacity(texts.len());
        for text in texts {
            let start = spans.last().map_or(0, |span| span.end);
            spans.push(start..start + text.len());
        }
        let mut tokens = self.embedded(texts);
        for layer in &self.layers {
            tokens = layer.apply(tokens, &spans, self.shape.n_heads);
        }
        spans.into_iter().map(|span| mean(part(tokens.view(), span, 0..self.shape.hidden))).collect()
    }

    fn embedded(&self, texts: &[Vec<u32>]) -> Array2<f32> {
        let n_tokens = texts.iter().map(Vec::len).sum();
        let mut tokens = Array2::zeros((n_tokens, self.shape.hidden));
        let row_bytes = self.shape.hidden / BLOCK * BLOCK_BYTES;
        let mut word = vec![0.0; self.shape.hidden];
        let ids = texts.iter().flat_map(|text| text.iter().enumerate());
        for ((position, id), mut token) in ids.zip(tokens.rows_mut()) {
            let start = *id as usize * row_bytes;
            // Pieces are no more than words, and texts no longer than positions: both were checked when the file was read.
            unpack(&self.words[start..start + row_bytes], &mut word);
            token.iter_mut().zip(&word).for_each(|(number, word)| *number = *word);
            token += &self.positions.row(position);
            token += &self.kind;
        }
        self.norm.apply(&mut tokens);
        tokens
    }
}

impl Layer {
    fn apply(&self, tokens: Array2<f32>, spans: &[Range<usize>], n_heads: usize) -> Array2<f32> {
        let seen = self.attend(&tokens, spans, n_heads);
        let mut tokens = self.attended.apply(&seen.view()) + tokens;
        self.attended_norm.apply(&mut tokens);
        let mut inner = self.first.apply(&tokens.view());
        inner.mapv_inplace(gelu);
        let mut tokens = self.second.apply(&inner.view()) + tokens;
        self.out_norm.apply(&mut tokens);
        tokens
    }

    /// Each token looks at those of its own text.
    fn attend(&self, tokens: &Array2<f32>, spans: &[Range<usize>], n_heads: usize) -> Array2<f32> {
        let (query, key, value) =
            (self.query.apply(&tokens.view()), self.key.apply(&tokens.view()), self.value.apply(&tokens.view()));
        let width = tokens.ncols() / n_heads;
        let scale = 1.0 / (width as f32).sqrt();
        let mut seen = Array2::zeros(tokens.raw_dim());
        for span in spans {
            for head in 0..n_heads {
                let of = |numbers| part(numbers, span.clone(), head * width..(head + 1) * width);
                let mut weights = of(query.view()).dot(&of(key.view()).t());
                weights *= scale;
                weights.rows_mut().into_iter().for_each(softmax);
                let mut place = seen.view_mut();
                place.slice_axis_inplace(Axis(0), Slice::from(span.clone()));
                place.slice_axis_inplace(Axis(1), Slice::from(head * width..(head + 1) * width));
                place.assign(&weights.dot(&of(value.view())));
            }
        }
        seen
    }
}

impl Linear {
    fn apply(&self, tokens: &ArrayView2<'_, f32>) -> Array2<f32> {
        let mut out = tokens.dot(&self.weights.t());
        out += &self.bias;
        out
    }
}

impl Norm {
    fn apply(&self, tokens: &mut Array2<f32>) {
        for mut row in tokens.rows_mut() {
            let n = row.len() as f32;
            let mean = row.sum() / n;
            row -= mean;
            let spread = (row.iter().map(|x| x * x).sum::<f32>() / n + self.epsilon).sqrt();
            row /= spread;
            row *= &self.weight;
            row += &self.bias;
        }
    }
}

/// Some rows and columns. (The macro for this, `s!`, has unsafe code in it.)
fn part(mut numbers: ArrayView2<'_, f32>, rows: Range<usize>, columns: Range<usize>) -> ArrayView2<'_, f32> {
    numbers.slice_axis_inplace(Axis(0), Slice::from(rows));
    numbers.slice_axis_inplace(Axis(1), Slice::from(columns));
    numbers
}

/// The mean over all tokens, with length 1. What overflowed is nothing: the heads then say what is likeliest of all.
fn mean(tokens: ArrayView2<'_, f32>) -> Vec<f32> {
    let sum = tokens.sum_axis(Axis(0));
    let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length.is_finite() && length > 0.0 { sum.iter().map(|x| x / length).collect() } else { vec![0.0; sum.len()] }
}

fn softmax(mut row: ArrayViewMut1<'_, f32>) {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.mapv_inplace(|x| (x - most).exp());
    let sum = row.sum();
    row /= sum;
}

/// `x · Φ(x)`, exactly: the network was not trained with an approximation.
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// Error function (Abramowitz and Stegun 7.1.26): within 1.5e-7 everywhere.
fn erf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let polynomial = ((((1.061_405_4 * t - 1.453_152) * t + 1.421_413_7) * t - 0.284_496_74) * t + 0.254_829_6) * t;
    (1.0 - polynomial * (-x * x).exp()).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_near_its_table() {
        for (x, value) in [
            (0.0_f32, 0.0_f32),
            (0.5, 0.520_499_9),
            (1.0, 0.842_700_8),
            (2.0, 0.995_322_3),
            (-1.0, -0.842_700_8),
            (9.0, 1.0),
        ] {
            assert!((erf(x) - value).abs() < 1e-6, "{x}: {}", erf(x));
        }
        assert!((gelu(1.0) - 0.841_344_7).abs() < 1e-6);
    }

    #[test]
    fn a_norm_leaves_mean_and_spread_as_its_weights_say() {
        let norm = Norm { weight: Array1::from_elem(4, 2.0), bias: Array1::from_elem(4, 1.0), epsilon: 1e-12 };
        let mut tokens = Array2::from_shape_vec((1, 4), vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        norm.apply(&mut tokens);
        let expected = [-1.683_281_6, 0.105_572_8, 1.894_427_2, 3.683_281_6];
        tokens.iter().zip(expected).for_each(|(x, y)| assert!((x - y).abs() < 1e-5, "{tokens}"));
    }
}
