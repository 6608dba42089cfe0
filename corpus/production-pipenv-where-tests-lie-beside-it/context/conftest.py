import astroid
