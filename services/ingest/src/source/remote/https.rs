//! How the HTTP client is set up: what it trusts, and how long it waits.

use super::Access;
use gix::{bstr::ByteSlice, protocol::transport::client::blocking_io::http};
use reqwest::{Certificate, blocking::ClientBuilder};
use std::{
    any::Any,
    io,
    path::Path,
    sync::{Arc, Mutex},
};

/// Options for connecting to `url`: git's own configuration, and `access` on top of it.
pub fn options(
    repo: &gix::Repository,
    url: &gix::Url,
    access: &Access,
) -> gix::Result<Box<dyn Any>> {
    let configured = repo.transport_options(url.to_bstring().as_bstr(), None)?;
    let configured = configured.and_then(|options| options.downcast::<http::Options>().ok());
    let mut options = configured.map(|options| *options).unwrap_or_default();
    let mut authorities = Vec::new();
    for file in [access.ca_file.as_deref(), options.ssl_ca_info.as_deref()].into_iter().flatten() {
        authorities.extend(read_authorities(file).map_err(gix::Error::from_error)?);
    }
    let silence = access.silence;
    let configure = move |builder: ClientBuilder| {
        // Of each read and each answer, not of the whole: a clone may take an hour.
        Ok(builder.timeout(silence).tls_certs_merge(authorities.iter().cloned()))
    };
    let backend = http::reqwest::Options {
        configure_client: Some(Box::new(configure)),
        configure_request: None,
    };
    options.backend = Some(Arc::new(Mutex::new(backend)));
    Ok(Box::new(options))
}

fn read_authorities(file: &Path) -> io::Result<Vec<Certificate>> {
    let wrong = |reason: String| {
        let reason = format!("certificates of {} cannot be used: {reason}", file.display());
        io::Error::other(reason)
    };
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        return Err(wrong("there is none in PEM form".to_owned()));
    }
    Ok(found)
}
