"""The app: the frame around its pages, the session's workspace and long work.

Only `main` and `progress` import Streamlit; the rest also serves the HTTP routes and the tests.
"""
