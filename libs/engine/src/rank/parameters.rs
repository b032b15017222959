//! What each signal of the ranking weighs, by name.

/// A parameter, as documentation, configuration and sweeps see it.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name in configuration.
    pub name: &'static str,
    /// What it is when nobody says otherwise.
    pub default: f32,
    /// Least value that is accepted.
    pub min: f32,
    /// Greatest value that is accepted.
    pub max: f32,
    /// Whether it is the weight of a signal, which 0 turns off.
    pub is_weight: bool,
    /// What it does.
    pub about: &'static str,
    place: fn(&mut RankingParameters) -> &mut f32,
}

/// A value that a parameter cannot have, or a name that no parameter has.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParameterError {
    /// No parameter has the name.
    #[error("no ranking parameter is called {0}; there are: {names}", names = names())]
    Unknown(String),
    /// The value is out of bounds, or no number.
    #[error("{name} = {value}: a number from {min} to {max} is expected")]
    OutOfBounds {
        /// The parameter.
        name: &'static str,
        /// What was wanted.
        value: f32,
        /// Least value.
        min: f32,
        /// Greatest value.
        max: f32,
    },
}

macro_rules! parameters {
    ($($name:ident: $kind:ident = $default:literal, $min:literal to $max:literal, $about:literal;)*) => {
        /// What each signal weighs; docs/ranking.md has the formula. A weight of 0 turns its signal off.
        #[derive(Debug, Clone, PartialEq)]
        pub struct RankingParameters {
            $(#[doc = $about] pub(crate) $name: f32,)*
        }

        impl Default for RankingParameters {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl RankingParameters {
            /// Every parameter, in the order of the formula.
            pub const ALL: &'static [Parameter] = &[$(Parameter {
                name: stringify!($name),
                default: $default,
                min: $min,
                max: $max,
                is_weight: parameters!(@$kind),
                about: $about,
                place: |all| &mut all.$name,
            },)*];
        }
    };
    (@weight) => { true };
    (@shape) => { false };
}

parameters! {
    words: weight = 10.0, 0.0 to 100.0, "How well the words of the query fit, by BM25F over text, path and definitions: 0 to 1.";
    text: weight = 1.0, 0.0 to 100.0, "In BM25F: a word in the text.";
    path: weight = 1.5, 0.0 to 100.0, "In BM25F: a word in the path.";
    symbol: weight = 2.0, 0.0 to 100.0, "In BM25F: a word in the name of a definition.";
    part: weight = 0.5, 0.0 to 1.0, "In BM25F: a part of one of the query's identifiers, beside the whole one.";
    k1: shape = 1.2, 0.0 to 10.0, "In BM25F: how slowly repetition saturates.";
    b: shape = 0.75, 0.0 to 1.0, "In BM25F: how much longer files lose.";
    definition: weight = 4.0, 0.0 to 100.0, "How much of a name that the file defines the query is: 0 to 1.";
    file_name: weight = 2.0, 0.0 to 100.0, "How much of the file's name the query is: 0 to 1.";
    nearness: weight = 2.0, 0.0 to 100.0, "How near one another the query's first 16 patterns match: 0 to 1.";
    repository: weight = 0.5, 0.0 to 100.0, "How much the repository weighs among others, by its rank: 0 to 1.";
    recency: weight = 0.3, 0.0 to 100.0, "How young the file's newest commit is: 0 to 1.";
    aside_loss: weight = 0.8, 0.0 to 100.0, "What a file loses whose repository is archived or a fork.";
    test_loss: weight = 0.6, 0.0 to 100.0, "What a test loses.";
    vendored_loss: weight = 0.8, 0.0 to 100.0, "What a copy of somebody else's code loses.";
    generated_loss: weight = 0.8, 0.0 to 100.0, "What a generated file loses.";
    depth_loss: weight = 0.04, 0.0 to 10.0, "What a file loses for each folder it lies in, up to ten.";
}

impl RankingParameters {
    /// The value of a parameter; `None` if there is no such one.
    pub fn get(&self, name: &str) -> Option<f32> {
        let parameter = Self::ALL.iter().find(|parameter| parameter.name == name)?;
        Some(*(parameter.place)(&mut self.clone()))
    }

    /// Sets a parameter.
    ///
    /// # Errors
    /// When there is no such parameter, or the value is out of its bounds.
    pub fn set(&mut self, name: &str, value: f32) -> Result<(), ParameterError> {
        let found = Self::ALL.iter().find(|parameter| parameter.name == name);
        let parameter = found.ok_or_else(|| ParameterError::Unknown(name.to_owned()))?;
        let Parameter { name, min, max, .. } = *parameter;
        if !(min..=max).contains(&value) {
            return Err(ParameterError::OutOfBounds { name, value, min, max });
        }
        *(parameter.place)(self) = value;
        Ok(())
    }
}

fn names() -> String {
    let names: Vec<_> = RankingParameters::ALL.iter().map(|parameter| parameter.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_set_by_name_within_bounds() {
        let mut all = RankingParameters::default();
        for parameter in RankingParameters::ALL {
            assert_eq!(all.get(parameter.name), Some(parameter.default), "{parameter:?}");
            assert!((parameter.min..=parameter.max).contains(&parameter.default), "{parameter:?}");
        }
        all.set("b", 0.5).unwrap();
        assert_eq!((all.b, all.get("b")), (0.5, Some(0.5)));
        assert_eq!(all.set("c", 0.5), Err(ParameterError::Unknown("c".into())));
        for value in [-0.1, 1.1, f32::NAN] {
            assert!(all.set("b", value).is_err(), "{value}");
        }
        assert_eq!(all.b, 0.5);
    }

    #[test]
    fn the_documentation_has_every_parameter_as_it_is() {
        let page = include_str!("../../../../docs/ranking.md");
        for Parameter { name, default, min, max, about, .. } in RankingParameters::ALL {
            let row = format!("| `{name}` | {default} | {min} | {max} | {about} |");
            assert!(page.contains(&row), "docs/ranking.md lacks: {row}");
        }
        let is_row = |line: &&str| line.starts_with("| `") && line.matches(" | ").count() == 4;
        let rows = page.lines().filter(is_row).count();
        assert_eq!(rows, RankingParameters::ALL.len());
    }
}
