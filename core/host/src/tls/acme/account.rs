//! The account with the authority, which lasts from start to start.

use std::fs;
use std::io;
use std::path::PathBuf;

use instant_acme::{Account, AccountCredentials, NewAccount};
use serde::{Deserialize, Serialize};

use super::Acme;
use super::http::Client;
use super::order::OrderError;
use crate::tls::keep;

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// With whom the account is.
    directory: String,
    credentials: AccountCredentials,
}

impl Acme {
    fn account_file(&self) -> PathBuf {
        self.keep.join("acme-account.json")
    }

    fn client(&self) -> Result<Box<Client>, OrderError> {
        let client = Client::new(self.authority.as_deref(), &self.provider);
        client.map(Box::new).map_err(OrderError::Authority)
    }

    /// The account of before, or a new one.
    pub(super) async fn account(&self) -> Result<Account, OrderError> {
        match self.kept_account()? {
            Some(credentials) => {
                let builder = Account::builder_with_http(self.client()?);
                Ok(builder.from_credentials(credentials).await?)
            }
            None => self.new_account().await,
        }
    }

    /// A new account, in the place of the one of before.
    pub(super) async fn new_account(&self) -> Result<Account, OrderError> {
        let contact = self.email.as_ref().map(|email| format!("mailto:{email}"));
        let contact: Vec<&str> = contact.as_deref().into_iter().collect();
        let wanted = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let builder = Account::builder_with_http(self.client()?);
        let directory = self.directory.clone();
        let (account, credentials) = builder.create(&wanted, directory, None).await?;
        let kept = Kept {
            directory: self.directory.clone(),
            credentials,
        };
        let text = serde_json::to_string(&kept).map_err(io::Error::from);
        let written = text.and_then(|text| {
            keep::directory(&self.keep)?;
            keep::write(&self.account_file(), &text, keep::SECRET)
        });
        written.map_err(OrderError::Keep)?;
        Ok(account)
    }

    fn kept_account(&self) -> Result<Option<AccountCredentials>, OrderError> {
        let bytes = match fs::read(self.account_file()) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OrderError::Keep(error)),
        };
        match serde_json::from_slice::<Kept>(&bytes) {
            Ok(kept) if kept.directory == self.directory => Ok(Some(kept.credentials)),
            Ok(_) => Ok(None),
            Err(error) => {
                tracing::warn!(%error, "the account of before can't be read: there will be a new one");
                Ok(None)
            }
        }
    }
}
