"""Files of weights that tests make."""

import h5py

# Simonyan and Zisserman 2014, Table 1, configuration D
VGG16 = {
    "block1_conv1": (3, 3, 3, 64),
    "block1_conv2": (3, 3, 64, 64),
    "block2_conv1": (3, 3, 64, 128),
    "block2_conv2": (3, 3, 128, 128),
    "block3_conv1": (3, 3, 128, 256),
    "block3_conv2": (3, 3, 256, 256),
    "block3_conv3": (3, 3, 256, 256),
    "block4_conv1": (3, 3, 256, 512),
    "block4_conv2": (3, 3, 512, 512),
    "block4_conv3": (3, 3, 512, 512),
    "block5_conv1": (3, 3, 512, 512),
    "block5_conv2": (3, 3, 512, 512),
    "block5_conv3": (3, 3, 512, 512),
}


def hollow(path, shapes, **options):
    """An HDF5 file of kernels and biases that are declared, and hold nothing but `fillvalue`."""
    with h5py.File(path, "w") as file:
        for name, shape in shapes.items():
            chunks = tuple(min(side, 512) for side in shape)
            file.create_dataset(f"{name}/kernel", shape, chunks=chunks, **options)
            file.create_dataset(f"{name}/bias", shape[3:], **options)


def convolutions(model):
    """The kernels and biases of a VGG in an ONNX model."""
    return [tensor for tensor in model.graph.initializer if "_conv" in tensor.name]
