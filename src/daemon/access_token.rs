//! The access token in force and the one that the operator wishes for, read again from its file.

use std::sync::Arc;

use secrecy::SecretString;

use crate::config::secrets::Secrets;
use crate::ports::{AccessToken, Management, TokenCandidate};
use crate::whatsapp::Client;

/// The client that carries the token in force, and where tokens come from.
pub(super) struct Tokens {
    pub(super) client: Arc<Client>,
    pub(super) secrets: Secrets,
}

impl AccessToken for Tokens {
    fn candidate(&self) -> Result<Option<Arc<dyn TokenCandidate>>, String> {
        let Some(token) = self.secrets.wanted_token()?.filter(|token| !self.client.carries(token)) else {
            return Ok(None);
        };
        let proof = self.client.with_token(&token).map_err(|error| error.to_string())?;
        Ok(Some(Arc::new(Candidate { client: Arc::clone(&self.client), proof, token })))
    }
}

struct Candidate {
    client: Arc<Client>,
    /// The same client with the other token.
    proof: Client,
    token: SecretString,
}

impl TokenCandidate for Candidate {
    fn management(&self) -> &dyn Management {
        &self.proof
    }

    fn put_in_force(&self) {
        if let Err(error) = self.client.replace_token(&self.token) {
            tracing::error!(error = %error, "the new access token cannot be put in force");
        }
    }
}
