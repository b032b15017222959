//! The grammars, each with the query that finds its definitions, comments and strings.

use std::sync::OnceLock;

use tree_sitter::Query;
use tree_sitter_language::LanguageFn;

use crate::Kind;

macro_rules! grammars {
    ($($name:ident = $language:expr, $query:literal;)*) => {
        /// A grammar that is built in.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Grammar { $($name,)* }

        impl Grammar {
            /// Every grammar.
            #[cfg(test)]
            pub(crate) const ALL: &[Grammar] = &[$(Grammar::$name,)*];

            fn language(self) -> LanguageFn {
                match self { $(Grammar::$name => $language,)* }
            }

            fn query(self) -> &'static str {
                match self { $(Grammar::$name => include_str!(concat!("../queries/", $query)),)* }
            }

            /// Compiles it once, at its first use.
            pub(crate) fn compiled(self) -> &'static Compiled {
                match self {
                    $(Grammar::$name => {
                        static COMPILED: OnceLock<Compiled> = OnceLock::new();
                        COMPILED.get_or_init(|| Compiled::new(self))
                    })*
                }
            }
        }
    };
}

// tidy: table. One row per grammar: its parser and the file of its query.
grammars! {
    Bash = tree_sitter_bash::LANGUAGE, "bash.scm";
    C = tree_sitter_c::LANGUAGE, "c.scm";
    CSharp = tree_sitter_c_sharp::LANGUAGE, "c_sharp.scm";
    Cpp = tree_sitter_cpp::LANGUAGE, "cpp.scm";
    Dart = tree_sitter_dart::LANGUAGE, "dart.scm";
    Elixir = tree_sitter_elixir::LANGUAGE, "elixir.scm";
    Erlang = tree_sitter_erlang::LANGUAGE, "erlang.scm";
    Go = tree_sitter_go::LANGUAGE, "go.scm";
    Hcl = tree_sitter_hcl::LANGUAGE, "hcl.scm";
    Java = tree_sitter_java::LANGUAGE, "java.scm";
    JavaScript = tree_sitter_javascript::LANGUAGE, "javascript.scm";
    Kotlin = tree_sitter_kotlin_ng::LANGUAGE, "kotlin.scm";
    Lua = tree_sitter_lua::LANGUAGE, "lua.scm";
    Php = tree_sitter_php::LANGUAGE_PHP, "php.scm";
    Proto = tree_sitter_proto::LANGUAGE, "proto.scm";
    Python = tree_sitter_python::LANGUAGE, "python.scm";
    R = tree_sitter_r::LANGUAGE, "r.scm";
    Ruby = tree_sitter_ruby::LANGUAGE, "ruby.scm";
    Rust = tree_sitter_rust::LANGUAGE, "rust.scm";
    Scala = tree_sitter_scala::LANGUAGE, "scala.scm";
    Swift = tree_sitter_swift::LANGUAGE, "swift.scm";
    Tsx = tree_sitter_typescript::LANGUAGE_TSX, "typescript.scm";
    TypeScript = tree_sitter_typescript::LANGUAGE_TYPESCRIPT, "typescript.scm";
    Zig = tree_sitter_zig::LANGUAGE, "zig.scm";
}

impl Grammar {
    /// What parsing takes, with the search for definitions, as measured for C; others are taken to be like it.
    pub(crate) fn nanos_per_byte(self) -> u64 {
        130
    }
}

/// A grammar, ready to use.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub language: tree_sitter::Language,
    pub query: Query,
    /// What each capture of the query means, by its index.
    pub roles: Vec<Role>,
}

/// What a capture means. The queries use `@name`, `@container`, `@scope`, `@KIND`, `@text` and `@code`;
/// what begins with `_` is there for a pattern's conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The name of what is defined.
    Name,
    /// The name of the type that it belongs to, where the definition says it.
    Container,
    /// What is defined, as a whole.
    Definition(Kind),
    /// Encloses definitions under its name, and is none itself.
    Scope,
    /// A comment or a string, or a part of one.
    Text,
    /// Code within a string.
    Code,
    /// Only for a condition of the pattern.
    Condition,
}

impl Compiled {
    fn new(grammar: Grammar) -> Self {
        let language = tree_sitter::Language::new(grammar.language());
        let query = Query::new(&language, grammar.query())
            .expect("the queries are part of the program, and a test compiles each");
        let roles = query.capture_names().iter().map(|name| role(name)).collect();
        Self { language, query, roles }
    }
}

fn role(capture: &str) -> Role {
    match capture {
        "name" => Role::Name,
        "container" => Role::Container,
        "scope" => Role::Scope,
        "text" => Role::Text,
        "code" => Role::Code,
        condition if condition.starts_with('_') => Role::Condition,
        kind => Role::Definition(
            Kind::from_name(kind).expect("captures are named for kinds, and a test compiles each"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_compiles() {
        for grammar in Grammar::ALL {
            assert!(grammar.compiled().query.pattern_count() > 0, "{grammar:?}");
        }
    }
}
