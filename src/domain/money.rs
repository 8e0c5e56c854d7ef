//! Money: integer micro-units with a currency. No floats.

use serde::{Deserialize, Serialize};

/// An amount in millionths of a currency's unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Millionths of the unit.
    pub micros: i64,
    /// ISO 4217, such as `USD`.
    pub currency: String,
}

impl Money {
    /// The amount as a decimal text with at least two and at most six places, such as `250.00` or `0.0025`.
    pub fn amount(&self) -> String {
        let (sign, micros) = (if self.micros < 0 { "-" } else { "" }, self.micros.unsigned_abs());
        let mut places = format!("{:06}", micros % 1_000_000);
        while places.len() > 2 && places.ends_with('0') {
            places.pop();
        }
        format!("{sign}{}.{places}", micros / 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_decimals() {
        for (micros, text) in
            [(250_000_000, "250.00"), (2_500, "0.0025"), (0, "0.00"), (-1_230_000, "-1.23"), (1, "0.000001")]
        {
            assert_eq!(Money { micros, currency: "USD".into() }.amount(), text);
        }
    }
}
