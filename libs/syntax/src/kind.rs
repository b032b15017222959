//! The kinds of definitions.

/// What a definition names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A free function.
    Function,
    /// A function of a type.
    Method,
    /// A class or singleton object.
    Class,
    /// A structure.
    Struct,
    /// A union.
    Union,
    /// An enumeration.
    Enum,
    /// A member of an enumeration.
    Variant,
    /// A trait or mix-in.
    Trait,
    /// An interface or protocol.
    Interface,
    /// A module, namespace or package.
    Module,
    /// A constant.
    Constant,
    /// A variable outside functions.
    Variable,
    /// A macro.
    Macro,
    /// A type alias.
    Type,
    /// A field or property of a type.
    Field,
}

impl Kind {
    /// Every kind.
    pub const ALL: &[Kind] = &[
        Kind::Function,
        Kind::Method,
        Kind::Class,
        Kind::Struct,
        Kind::Union,
        Kind::Enum,
        Kind::Variant,
        Kind::Trait,
        Kind::Interface,
        Kind::Module,
        Kind::Constant,
        Kind::Variable,
        Kind::Macro,
        Kind::Type,
        Kind::Field,
    ];

    /// The stable name, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Function => "function",
            Kind::Method => "method",
            Kind::Class => "class",
            Kind::Struct => "struct",
            Kind::Union => "union",
            Kind::Enum => "enum",
            Kind::Variant => "variant",
            Kind::Trait => "trait",
            Kind::Interface => "interface",
            Kind::Module => "module",
            Kind::Constant => "constant",
            Kind::Variable => "variable",
            Kind::Macro => "macro",
            Kind::Type => "type",
            Kind::Field => "field",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Whether functions inside it are its methods.
    pub(crate) fn has_methods(self) -> bool {
        use Kind::{Class, Enum, Interface, Struct, Trait, Union};
        matches!(self, Class | Struct | Union | Enum | Trait | Interface)
    }
}
