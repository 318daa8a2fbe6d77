"""Front ends as TensorFlow graph code: waveforms in, the patches that networks see out.

Importing one of these modules loads TensorFlow; model files import it when they build.
"""
