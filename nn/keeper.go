package nn

// Keeper is a layer that keeps more in a file than config and weights: a vocabulary that it learned.
type Keeper interface {
	Layer
	// Kept is what goes into a .keras file.
	Kept() Kept
	// Restore takes what a .keras file holds for the layer, before the layer is built. Errors are FormatError.
	Restore(Kept) error
	// Inline moves what Kept has into the config, where other forms of file find it.
	Inline()
}

// Kept is what a Keeper keeps.
type Kept struct {
	Files  map[string][]byte // below assets/, by name
	Arrays []Variable        // beside its weights, by name
	Twin   string            // sublayer under which Keras keeps the same once more; "": none
}
