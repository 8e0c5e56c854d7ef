//! What an encoder makes of a text: numbers at places. Most are nought for n-grams, none for the model, so both are kept sparse.

/// Numbers at places, in the order of the places.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vector(Vec<(u32, f32)>);

impl Vector {
    /// From places with numbers; each place once.
    pub(super) fn sparse(mut entries: Vec<(u32, f32)>) -> Self {
        entries.sort_unstable_by_key(|(place, _)| *place);
        Self(entries)
    }

    /// From a number for every place.
    pub(super) fn dense(numbers: impl IntoIterator<Item = f32>) -> Self {
        Self((0..).zip(numbers).collect())
    }

    /// Places and numbers.
    pub(super) fn entries(&self) -> &[(u32, f32)] {
        &self.0
    }

    /// This one, and behind its places another; `n_places` are this one's, whether it fills them or not.
    pub(super) fn beside(self, other: &Self, n_places: usize) -> Self {
        let shift = u32::try_from(n_places).unwrap_or(u32::MAX);
        let shifted = other.0.iter().map(|(place, number)| (place.saturating_add(shift), *number));
        Self(self.0.into_iter().chain(shifted).collect())
    }

    /// The same direction with length 1. What has no length, or none that is a number, becomes nothing.
    pub(super) fn normalised(mut self) -> Self {
        let length = self.0.iter().map(|(_, number)| number * number).sum::<f32>().sqrt();
        if length.is_finite() && length > f32::EPSILON {
            self.0.iter_mut().for_each(|(_, number)| *number /= length);
            self
        } else {
            Self(Vec::new())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_stand_beside_each_other() {
        let both = Vector::sparse(vec![(2, 1.0)]).beside(&Vector::dense([5.0, 6.0]), 4);
        assert_eq!(both.entries(), [(2, 1.0), (4, 5.0), (5, 6.0)]);
    }

    #[test]
    fn lengths_become_one_or_nothing() {
        assert_eq!(Vector::dense([3.0, 4.0]).normalised(), Vector::dense([0.6, 0.8]));
        for numbers in [[0.0, 0.0], [f32::NAN, 1.0], [f32::INFINITY, 1.0]] {
            assert!(Vector::dense(numbers).normalised().entries().is_empty());
        }
    }
}
