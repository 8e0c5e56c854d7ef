//! The threads that read, and the line before them. Reading takes tens of milliseconds of CPU a text, so it never happens on the
//! threads that serve the network, and no more of it at once than there are threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::reader::Reader;
use crate::domain::analysis::{Analysis, Model};
use crate::ports::{Analyzer, AnalyzerError};

/// Batches that wait; who comes later waits for a place, so a burst costs patience and no memory.
const N_WAITING_MAX: usize = 64;
/// Texts that are read at once: long batches are cut, so that others get their turn.
const N_TEXTS_AT_ONCE: usize = 32;

/// What one batch asks and where its answer goes.
struct Batch {
    texts: Vec<String>,
    answer: oneshot::Sender<Result<Vec<Analysis>, AnalyzerError>>,
}

/// A line of batches and the threads at its end. The threads end when the pool is dropped and the line is empty.
#[derive(Debug)]
pub(super) struct Pool {
    line: mpsc::Sender<Batch>,
    model: Model,
}

/// What reads a batch.
type Read = dyn Fn(&[String]) -> Vec<Analysis> + Send + Sync;

impl Pool {
    /// Starts the threads. `learn` runs on one of them, when the first batch comes.
    pub(super) fn start(
        n_threads: usize,
        model: Model,
        learn: impl Fn() -> Reader + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let reader = OnceLock::new();
        Self::with(n_threads, model, Arc::new(move |texts: &[String]| reader.get_or_init(&learn).read(texts)))
    }

    fn with(n_threads: usize, model: Model, read: Arc<Read>) -> std::io::Result<Self> {
        let (line, end) = mpsc::channel(N_WAITING_MAX);
        let end = Arc::new(Mutex::new(end));
        for number in 1..=n_threads.max(1) {
            let (end, read) = (Arc::clone(&end), Arc::clone(&read));
            thread::Builder::new().name(format!("nlp-{number}")).spawn(move || work(&end, &*read))?;
        }
        Ok(Self { line, model })
    }

    async fn batch(&self, texts: Vec<String>) -> Result<Vec<Analysis>, AnalyzerError> {
        let (answer, answered) = oneshot::channel();
        self.line.send(Batch { texts, answer }).await.map_err(|_| AnalyzerError::Stopped)?;
        answered.await.map_err(|_| AnalyzerError::Stopped)?
    }
}

/// Takes batches until nobody can send any more.
fn work(end: &Mutex<mpsc::Receiver<Batch>>, read: &Read) {
    loop {
        // One thread waits at the line, the others for their turn to wait; a panic elsewhere leaves nothing half done in here.
        let batch = end.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(batch) = batch else { return };
        if batch.answer.is_closed() {
            continue;
        }
        // A text that breaks the reader must not take the thread with it: nobody would read any more.
        let read = catch_unwind(AssertUnwindSafe(|| read(&batch.texts))).map_err(|_| AnalyzerError::BrokeOff);
        // Whoever asked may have gone.
        let _ = batch.answer.send(read);
    }
}

#[async_trait]
impl Analyzer for Pool {
    async fn analyse(&self, texts: &[String]) -> Result<Vec<Analysis>, AnalyzerError> {
        let mut read = Vec::with_capacity(texts.len());
        for part in texts.chunks(N_TEXTS_AT_ONCE) {
            read.extend(self.batch(part.to_vec()).await?);
        }
        Ok(read)
    }

    fn model(&self) -> Option<Model> {
        Some(self.model.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc as blocking;

    use super::*;
    use crate::domain::detected_language::DetectedLanguage;

    fn model() -> Model {
        Model { name: "test".to_owned(), version: "1".to_owned() }
    }

    fn echo(texts: &[String]) -> Vec<Analysis> {
        let read = |text: &String| Analysis {
            language: DetectedLanguage::Other,
            sentiment: None,
            category: None,
            is_question: text == "?",
            model: model(),
        };
        texts.iter().map(read).collect()
    }

    #[tokio::test]
    async fn answers_come_in_the_order_of_the_texts() {
        let most = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&most);
        let pool = Pool::with(
            2,
            model(),
            Arc::new(move |texts: &[String]| {
                seen.fetch_max(texts.len(), Ordering::SeqCst);
                echo(texts)
            }),
        )
        .unwrap();
        let texts: Vec<String> = (0..100).map(|n| if n % 3 == 0 { "?" } else { "." }.to_owned()).collect();
        let read = pool.analyse(&texts).await.unwrap();
        assert_eq!(read.len(), 100);
        assert!(read.iter().enumerate().all(|(n, analysis)| analysis.is_question == (n % 3 == 0)));
        assert_eq!(most.load(Ordering::SeqCst), N_TEXTS_AT_ONCE);
        assert_eq!(pool.analyse(&[]).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_busy_reader_stops_nobody_who_does_not_ask_it() {
        let (go, gate) = blocking::channel::<()>();
        let gate = Mutex::new(gate);
        let pool = Arc::new(
            Pool::with(
                1,
                model(),
                Arc::new(move |texts: &[String]| {
                    gate.lock().unwrap().recv().unwrap();
                    echo(texts)
                }),
            )
            .unwrap(),
        );
        // Far more than the line holds; this runtime has one thread, which a blocking reader would hold up for ever.
        let asked: Vec<_> = (0..N_WAITING_MAX * 3)
            .map(|_| {
                let pool = Arc::clone(&pool);
                tokio::spawn(async move { pool.analyse(&["?".to_owned()]).await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(asked.iter().all(|task| !task.is_finished()));
        (0..asked.len()).for_each(|_| go.send(()).unwrap());
        for task in asked {
            assert!(task.await.unwrap().unwrap()[0].is_question);
        }
    }

    #[tokio::test]
    async fn a_text_that_breaks_the_reader_breaks_nothing_else() {
        let pool = Pool::with(
            1,
            model(),
            Arc::new(|texts: &[String]| {
                assert!(texts[0] != "boom", "as this test wants it");
                echo(texts)
            }),
        )
        .unwrap();
        assert_eq!(pool.analyse(&["boom".to_owned()]).await, Err(AnalyzerError::BrokeOff));
        assert!(pool.analyse(&["?".to_owned()]).await.unwrap()[0].is_question);
    }
}
