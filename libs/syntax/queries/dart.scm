(class_declaration name: (identifier) @name) @class
(mixin_declaration name: (identifier) @name) @trait
(extension_declaration name: (identifier) @name) @class
(enum_declaration name: (identifier) @name) @enum
(enum_entry name: (identifier) @name) @variant
(type_alias . (type_identifier) @name) @type
(type_alias . (type) . (type_identifier) @name) @type
(function_declaration signature: (function_signature name: (identifier) @name)) @function
(method_declaration signature: (method_signature [
  (function_signature name: (identifier) @name)
  (getter_signature name: (identifier) @name)
  (setter_signature name: (identifier) @name)
  (factory_constructor_signature name: (identifier) . name: (identifier) @name)
])) @method
(member_declaration (declaration (function_signature name: (identifier) @name)) @method)
(member_declaration (declaration (constructor_signature . name: (identifier) @name)) @method)
(member_declaration (declaration (constructor_signature name: (identifier) name: (identifier) @name)) @method)
(member_declaration (declaration
  (initialized_identifier_list (initialized_identifier name: (identifier) @name))) @field)
(member_declaration (declaration
  (static_final_declaration_list (static_final_declaration name: (identifier) @name))) @field)
(top_level_variable_declaration
  (static_final_declaration_list (static_final_declaration name: (identifier) @name) @constant))
(top_level_variable_declaration
  (initialized_identifier_list (initialized_identifier name: (identifier) @name) @variable))

; no code
[(comment) (documentation_comment) (string_literal)] @text
(template_substitution) @code
