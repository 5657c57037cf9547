"""The embedded core's lessons: pictures of the voxel world with requests and answers that are true of them."""
