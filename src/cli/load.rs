//! Reading a configuration from where it really stands: the file named, the environment, the flags, the cgroup.

use std::path::{Path, PathBuf};

use crate::config::{Config, Inputs, Rejected, cgroup, default_file};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("error: the configuration {} cannot be read: {error}", path.display())]
    File {
        /// The file as named.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// What stands there is wrong.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// What `run` sees: the named file, else the one of `TAILWATER_CONFIG`, else the default one if it exists; and the
/// environment.
pub fn inputs(file: Option<&Path>, upstream: Option<&str>) -> Result<Inputs, LoadError> {
    let environment = environment();
    let from_variable = environment.iter().find(|(name, value)| name == FILE_VARIABLE && !value.is_empty());
    let named = file.map(Path::to_owned).or_else(|| from_variable.map(|(_, value)| PathBuf::from(value)));
    let path = named.or_else(|| Some(default_file()).filter(|path| path.exists()));
    Ok(Inputs {
        file: path.map(|path| read(&path)).transpose()?,
        environment,
        upstream: upstream.map(str::to_owned),
        memory_limit: cgroup::memory_limit(),
        upstream_required: true,
    })
}

/// A file alone, as `validate FILE` looks at it: without this machine's environment.
pub fn file_inputs(path: &Path) -> Result<Inputs, LoadError> {
    Ok(Inputs { file: Some(read(path)?), memory_limit: cgroup::memory_limit(), ..Inputs::default() })
}

/// The configuration that these come to.
pub fn config(inputs: &Inputs) -> Result<Config, LoadError> {
    Ok(Config::load(inputs)?)
}

fn read(path: &Path) -> Result<(String, String), LoadError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((path.display().to_string(), text)),
        Err(error) => Err(LoadError::File { path: path.to_owned(), error }),
    }
}

fn environment() -> Vec<(String, String)> {
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect()
}

/// Names the file where `--config` does not. The one variable of ours with a single underscore.
const FILE_VARIABLE: &str = "TAILWATER_CONFIG";
