//! Templates on their way to the provider's approval and after it: what is handed in, what stands there, and how the two differ.
//!
//! | module | owns |
//! |---|---|
//! | `submission` | a template as it is handed in, in one language |
//! | `wording` | what people read of it, and the difference between two of them |
//! | `push` | whether it is created, edited or left alone |
//! | `review` | which ones somebody should look at before the provider acts by itself |
//! | `standing` | what a look at all of them asks for: alerts, campaigns that are held |

mod push;
mod review;
mod standing;
mod submission;
mod wording;

pub use self::push::{PushStep, push_step};
pub use self::review::{Finding, Reviewed, TemplateUse, archiving_alerts, review};
pub use self::standing::{
    Agreement, CampaignTemplate, Hold, HoldStep, KeptTemplate, alerts_of, hold_steps, is_approved,
};
pub use self::submission::Submission;
pub use self::wording::{DiffLine, WordedButton, Wording, diff};
