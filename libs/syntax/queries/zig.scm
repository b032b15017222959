(variable_declaration . (identifier) @name (struct_declaration)) @struct
(variable_declaration . (identifier) @name (enum_declaration)) @enum
(variable_declaration . (identifier) @name (union_declaration)) @union
(variable_declaration . (identifier) @name (error_set_declaration)) @enum
(source_file (variable_declaration "const" . (identifier) @name) @constant)
(source_file (variable_declaration "var" . (identifier) @name) @variable)
(function_declaration name: (identifier) @name) @function
(enum_declaration (container_field name: (identifier) @name) @variant)
(struct_declaration (container_field name: (identifier) @name) @field)
(union_declaration (container_field name: (identifier) @name) @field)
(error_set_declaration (identifier) @name @variant)

; no code
[(comment) (string) (multiline_string) (character)] @text
