package keras

import (
	"kerasgo/nn"
	"kerasgo/nn/layers"
)

// oldImages refuses to write, as Keras 3's, what Keras 2 does, to images above all, and Keras 3 has no word for.
//
// Source: tf_keras/src/layers/preprocessing/image_preprocessing.py
func oldImages(m nn.Model) error {
	if !nn.OriginOf(m).Translated {
		return nil
	}
	g, _, err := nn.Trace(m, false)
	if err != nil {
		return err
	}
	for _, c := range g.Calls {
		msg := ""
		switch l := c.Layer.(type) {
		case *layers.RandomSize, *layers.LocallyConnected, *layers.ThresholdedReLU:
			msg = "Keras 3 has no word for this layer"
		case *layers.BatchNormalization:
			if l.Renorm {
				msg = "Keras 3 has no word for batch renormalization"
			}
		case *layers.RandomCrop:
			msg = "Keras 3 has no word for cropping in inference too; CenterCrop is nearest"
		case *layers.Resizing:
			if l.Interpolation != "nearest" && !c.In[0].DType.Float() {
				msg = "Keras 3 rounds integers that it resizes, and has no word for the floats that Keras 2 makes of them"
			}
		}
		if msg != "" {
			b := c.Layer.Base()
			return &UnsupportedError{Where: nn.Where{Layer: b.Name, Class: b.Class}, Msg: msg}
		}
	}
	return nil
}
