(function_declaration name: (identifier) @name) @function
(generator_function_declaration name: (identifier) @name) @function
(class_declaration name: (type_identifier) @name) @class
(class name: (type_identifier) @name) @class
(method_definition name: [(property_identifier) (private_property_identifier)] @name) @method

; a function by any other way of naming it
(variable_declarator
  name: (identifier) @name
  value: [(arrow_function) (function_expression) (generator_function)]) @function
(assignment_expression
  left: [(identifier) @name (member_expression property: (property_identifier) @name)]
  right: [(arrow_function) (function_expression) (generator_function)]) @function
(pair
  key: (property_identifier) @name
  value: [(arrow_function) (function_expression) (generator_function)]) @function

(program (lexical_declaration kind: "const" (variable_declarator name: (identifier) @name) @constant))
(program (lexical_declaration kind: "let" (variable_declarator name: (identifier) @name) @variable))
(program (variable_declaration (variable_declarator name: (identifier) @name) @variable))
(program (export_statement
  (lexical_declaration kind: "const" (variable_declarator name: (identifier) @name) @constant)))
(program (export_statement
  (lexical_declaration kind: "let" (variable_declarator name: (identifier) @name) @variable)))

(abstract_class_declaration name: (type_identifier) @name) @class
(interface_declaration name: (type_identifier) @name) @interface
(type_alias_declaration name: (type_identifier) @name) @type
(enum_declaration name: (identifier) @name) @enum
(enum_body name: (property_identifier) @name @variant)
(enum_assignment name: (property_identifier) @name) @variant
(internal_module name: (identifier) @name) @module
(module name: (identifier) @name) @module
(function_signature name: (identifier) @name) @function
(abstract_method_signature name: (property_identifier) @name) @method
(interface_body (method_signature name: (property_identifier) @name) @method)
(interface_body (property_signature name: (property_identifier) @name) @field)
(public_field_definition name: [(property_identifier) (private_property_identifier)] @name) @field

; no code
[(comment) (html_comment) (string) (string_fragment) (regex)] @text
