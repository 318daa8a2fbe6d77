"""The app: the frame around its pages, the session's workspace and long work.

Only this folder, `pages/` and `app.py` import Streamlit; what the HTTP routes use does not.
"""
