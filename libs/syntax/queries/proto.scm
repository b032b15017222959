(message (message_name (identifier) @name)) @struct
(enum (enum_name (identifier) @name)) @enum
(enum_field . (identifier) @name) @variant
(service (service_name (identifier) @name)) @interface
(rpc (rpc_name (identifier) @name)) @method
(field (type) . (identifier) @name) @field
(map_field (type) . (identifier) @name) @field
(oneof . (identifier) @name) @field
(oneof_field (type) . (identifier) @name) @field

; no code
[(comment) (string)] @text
