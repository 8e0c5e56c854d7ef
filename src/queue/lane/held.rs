//! Which jobs of a lane this process has in its hands, and under which lease.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// From the moment a fetch brings a job until its outcome is in Redis.
#[derive(Default)]
pub(super) struct Held(Mutex<HashMap<String, Option<Arc<str>>>>);

impl Held {
    /// Notes a job that a fetch brought. `false` when it is in our hands already: its lease had run out, or Redis forgot it. Then
    /// the new lease is what keeps it ours, and it must not be run a second time.
    pub(super) fn take(&self, id: &str, token: &Arc<str>) -> bool {
        let mut held = self.lock();
        match held.get_mut(id) {
            Some(lease) => {
                *lease = Some(Arc::clone(token));
                false
            }
            None => {
                held.insert(id.to_owned(), Some(Arc::clone(token)));
                true
            }
        }
    }

    /// The token of the lease under which we hold a job; `None` when the lease is another's by now.
    pub(super) fn token(&self, id: &str) -> Option<Arc<str>> {
        self.lock().get(id).cloned().flatten()
    }

    /// All leases, to be renewed.
    pub(super) fn leases(&self) -> Vec<(String, Arc<str>)> {
        let held = self.lock();
        held.iter().filter_map(|(id, token)| token.as_ref().map(|token| (id.clone(), Arc::clone(token)))).collect()
    }

    /// The lease with this token is no longer ours: the job may still run here, but its outcome will have no effect.
    pub(super) fn lose(&self, id: &str, token: &str) {
        if let Some(lease) = self.lock().get_mut(id)
            && lease.as_deref() == Some(token)
        {
            *lease = None;
        }
    }

    /// The outcome was sent under this token. `false` when a newer lease came meanwhile: it must be sent again under that.
    pub(super) fn finish(&self, id: &str, token: Option<&str>) -> bool {
        let mut held = self.lock();
        match held.get(id) {
            Some(lease) if lease.is_some() && lease.as_deref() != token => false,
            _ => {
                held.remove(id);
                true
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Option<Arc<str>>>> {
        self.0.lock().expect("no panic happens under this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_comes_again_while_it_runs_is_adopted_and_not_run_twice() {
        let (held, old, new): (Held, Arc<str>, Arc<str>) = (Held::default(), "a:1".into(), "a:2".into());
        assert!(held.take("job", &old));
        held.lose("job", "a:1");
        assert_eq!(held.token("job"), None);
        assert!(!held.take("job", &new));
        assert_eq!(held.leases(), vec![("job".to_owned(), Arc::clone(&new))]);
        assert!(!held.finish("job", Some("a:1")), "the outcome must be sent under the newer lease");
        assert!(held.finish("job", Some("a:2")));
        assert!(held.take("job", &old));
    }

    #[test]
    fn a_late_answer_about_an_old_lease_does_not_lose_the_new_one() {
        let (held, old, new): (Held, Arc<str>, Arc<str>) = (Held::default(), "a:1".into(), "a:2".into());
        held.take("job", &old);
        held.take("job", &new);
        held.lose("job", "a:1");
        assert_eq!(held.token("job").as_deref(), Some("a:2"));
    }

    #[test]
    fn a_lost_job_ends_without_anything_to_send() {
        let (held, token): (Held, Arc<str>) = (Held::default(), "a:1".into());
        held.take("job", &token);
        held.lose("job", "a:1");
        assert!(held.finish("job", None));
        assert!(held.leases().is_empty());
    }
}
