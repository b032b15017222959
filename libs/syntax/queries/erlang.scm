(module_attribute name: (atom) @name) @module
(fun_decl clause: (function_clause name: (atom) @name)) @function
(record_decl name: (atom) @name) @struct
(record_decl fields: (record_field name: (atom) @name) @field)
(pp_define lhs: (macro_lhs name: [(var) (atom)] @name)) @macro
(type_alias name: (type_name name: (atom) @name)) @type
(opaque name: (type_name name: (atom) @name)) @type

; no code
[(comment) (string)] @text
