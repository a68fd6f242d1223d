package nn

import "encoding/json"

// Origin is what a model's file said of itself beside the model. Package keras keeps it for writing the model back.
type Origin struct {
	Form         string          // keras, h5, json; "": made in Go
	KerasVersion string          // that wrote the file; "" where it doesn't say
	Backend      string          // tensorflow, jax, torch
	Metadata     json.RawMessage // metadata.json of a .keras file, verbatim
	Translated   bool            // the config was Keras 2's: what the model says now is its translation
	OldOptimizer bool            // the optimizer was one of Keras before 2.11, whose files name its variables otherwise
}

// OriginOf is where m came from.
func OriginOf(m Model) Origin { return m.state().origin }

// SetOrigin says where m came from.
func SetOrigin(m Model, o Origin) { m.state().origin = o }
