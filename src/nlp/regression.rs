//! Multinomial logistic regression with classes of equal weight and a penalty on large weights: learns from hundreds of sentences in a
//! fraction of a second, the same weights each time.

use super::vector::Vector;

/// Steps towards the best weights. The problem is so well conditioned that more change the third digit of a probability.
const N_STEPS: usize = 80;
/// Steps that estimate how steep the problem is.
const N_POWER_STEPS: usize = 12;

/// A reader of one of several classes, learnt.
#[derive(Debug, Clone)]
pub(super) struct Regression(Vec<Class>);

/// What speaks for a class: a weight for each place, and what always does.
#[derive(Debug, Clone, Default)]
struct Class {
    weights: Vec<f32>,
    bias: f32,
}

/// A sentence of which the class is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lesson<'a> {
    pub(super) vector: &'a Vector,
    pub(super) class: usize,
}

impl Regression {
    /// Learns from lessons over `n_places` places. `strength` says how far single sentences may bend the weights: larger fits closer.
    pub(super) fn learn(lessons: &[Lesson<'_>], n_classes: usize, n_places: usize, strength: f32) -> Self {
        let mut learner = Learner::new(lessons, n_classes, n_places, strength);
        for step in 0..N_STEPS {
            learner.step(step);
        }
        Self(learner.classes)
    }

    /// The probability of each class; they add up to 1.
    pub(super) fn probabilities(&self, vector: &Vector) -> Vec<f32> {
        probabilities(&self.0, vector)
    }
}

impl Class {
    fn new(n_places: usize) -> Self {
        Self { weights: vec![0.0; n_places], bias: 0.0 }
    }

    fn score(&self, vector: &Vector) -> f32 {
        // What was never seen in learning has no weight.
        let weigh =
            |(place, number): &(u32, f32)| self.weights.get(*place as usize).map_or(0.0, |weight| weight * number);
        vector.entries().iter().map(weigh).sum::<f32>() + self.bias
    }
}

fn probabilities(classes: &[Class], vector: &Vector) -> Vec<f32> {
    let mut scores: Vec<f32> = classes.iter().map(|class| class.score(vector)).collect();
    to_probabilities(&mut scores);
    scores
}

/// Nesterov's accelerated gradient, with a step as long as the steepest direction allows.
struct Learner<'a> {
    lessons: &'a [Lesson<'a>],
    /// What each lesson counts, so that all classes count alike; 1 on average.
    shares: Vec<f32>,
    penalty: f32,
    step_length: f32,
    classes: Vec<Class>,
    /// Where the momentum leads.
    ahead: Vec<Class>,
    gradients: Vec<Class>,
}

impl<'a> Learner<'a> {
    fn new(lessons: &'a [Lesson<'a>], n_classes: usize, n_places: usize, strength: f32) -> Self {
        let mut counts = vec![0_usize; n_classes];
        lessons.iter().for_each(|lesson| counts[lesson.class] += 1);
        let n_seen = counts.iter().filter(|n| **n > 0).count().max(1);
        let equal = lessons.len() as f32 / n_seen as f32;
        let shares: Vec<f32> = lessons.iter().map(|lesson| equal / counts[lesson.class] as f32).collect();
        let penalty = 1.0 / (strength * lessons.len().max(1) as f32);
        // The curvature of the loss is at most half the largest eigenvalue of the (weighted) mean of outer products, bias included.
        let step_length = 1.0 / (0.5 * 1.1 * steepest(lessons, &shares, n_places) + penalty);
        let empty = vec![Class::new(n_places); n_classes];
        Self { lessons, shares, penalty, step_length, classes: empty.clone(), ahead: empty.clone(), gradients: empty }
    }

    fn step(&mut self, step: usize) {
        for (gradient, ahead) in self.gradients.iter_mut().zip(&self.ahead) {
            gradient.bias = 0.0;
            gradient.weights.clone_from(&ahead.weights);
            gradient.weights.iter_mut().for_each(|weight| *weight *= self.penalty);
        }
        let n = self.lessons.len().max(1) as f32;
        for (lesson, share) in self.lessons.iter().zip(&self.shares) {
            let found = probabilities(&self.ahead, lesson.vector);
            for (class, (gradient, probability)) in self.gradients.iter_mut().zip(found).enumerate() {
                let error = (probability - f32::from(u8::from(class == lesson.class))) * share / n;
                gradient.bias += error;
                for (place, number) in lesson.vector.entries() {
                    gradient.weights[*place as usize] += number * error;
                }
            }
        }
        let momentum = step as f32 / (step as f32 + 3.0);
        let length = self.step_length;
        let advance = |kept: &mut f32, ahead: &mut f32, gradient: f32| {
            let next = *ahead - length * gradient;
            *ahead = next + momentum * (next - *kept);
            *kept = next;
        };
        for ((class, ahead), gradient) in self.classes.iter_mut().zip(&mut self.ahead).zip(&self.gradients) {
            advance(&mut class.bias, &mut ahead.bias, gradient.bias);
            for ((kept, ahead), gradient) in class.weights.iter_mut().zip(&mut ahead.weights).zip(&gradient.weights) {
                advance(kept, ahead, *gradient);
            }
        }
    }
}

/// The largest eigenvalue of the weighted mean of outer products, estimated by power iteration; the bias is a place that is always 1.
fn steepest(lessons: &[Lesson<'_>], shares: &[f32], n_places: usize) -> f32 {
    let n = lessons.len().max(1) as f32;
    let mut direction = Class { weights: vec![1.0 / (n_places as f32 + 1.0).sqrt(); n_places], bias: 1.0 };
    let mut value = 1.0;
    for _ in 0..N_POWER_STEPS {
        let mut next = Class::new(n_places);
        for (lesson, share) in lessons.iter().zip(shares) {
            let along = direction.score(lesson.vector) * share / n;
            next.bias += along;
            for (place, number) in lesson.vector.entries() {
                next.weights[*place as usize] += number * along;
            }
        }
        let length = (next.weights.iter().map(|x| x * x).sum::<f32>() + next.bias * next.bias).sqrt();
        if length <= f32::EPSILON {
            return 1.0;
        }
        value = length;
        next.weights.iter_mut().for_each(|x| *x /= length);
        next.bias /= length;
        direction = next;
    }
    value
}

/// Softmax.
fn to_probabilities(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores.iter_mut().for_each(|score| *score = (*score - most).exp());
    let sum: f32 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corners() -> Vec<Vector> {
        [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9], [-1.0, -1.0], [-0.9, -1.0]]
            .map(|point| Vector::dense(point).normalised())
            .to_vec()
    }

    #[test]
    fn what_is_apart_is_told_apart() {
        let vectors = corners();
        let lessons: Vec<Lesson<'_>> =
            vectors.iter().enumerate().map(|(index, vector)| Lesson { vector, class: index / 2 }).collect();
        let learnt = Regression::learn(&lessons, 3, 2, 10.0);
        for (index, vector) in vectors.iter().enumerate() {
            let probabilities = learnt.probabilities(vector);
            assert!(probabilities[index / 2] > 0.6, "{index}: {probabilities:?}");
            assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn the_weights_are_the_best_there_are() {
        // At the best weights the gradient is nought.
        let vectors = corners();
        let lessons: Vec<Lesson<'_>> =
            vectors.iter().enumerate().map(|(index, vector)| Lesson { vector, class: index % 3 }).collect();
        let mut learner = Learner::new(&lessons, 3, 2, 10.0);
        (0..N_STEPS).for_each(|step| learner.step(step));
        let steepest =
            learner.gradients.iter().flat_map(|class| &class.weights).fold(0.0_f32, |most, x| most.max(x.abs()));
        assert!(steepest < 1e-3, "{steepest}");
    }

    #[test]
    fn classes_count_alike_however_many_sentences_they_have() {
        let (left, right) = (Vector::dense([1.0]), Vector::dense([-1.0]));
        let lessons: Vec<Lesson<'_>> = std::iter::repeat_n(Lesson { vector: &left, class: 0 }, 30)
            .chain([Lesson { vector: &right, class: 1 }])
            .collect();
        let between = Regression::learn(&lessons, 2, 1, 10.0).probabilities(&Vector::dense([]));
        assert!((between[0] - 0.5).abs() < 0.05, "{between:?}");
    }

    #[test]
    fn a_class_that_nobody_taught_is_unlikely_and_nothing_breaks() {
        let vector = Vector::dense([1.0]);
        let learnt = Regression::learn(&[Lesson { vector: &vector, class: 0 }], 3, 1, 10.0);
        let probabilities = learnt.probabilities(&vector);
        assert!(probabilities[0] > probabilities[1] && probabilities.iter().all(|p| p.is_finite()));
        let nothing = Regression::learn(&[], 2, 0, 10.0).probabilities(&Vector::dense([1.0, 2.0]));
        assert!((nothing[0] - 0.5).abs() < 1e-6);
    }
}
